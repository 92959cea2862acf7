// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/pairing.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "engine/pack/cut.h"
#include "engine/pack/mismatch.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

using axes::Monomial;

void set_extents(std::vector<axes::PatternDim>& dims, const std::vector<std::int64_t>& extents) {
  for (axes::PatternDim& dim : dims) {
    if (auto* index = std::get_if<axes::IndexDim>(&dim.node)) index->extent = extents[index->slot];
    if (auto* group = std::get_if<axes::GroupDim>(&dim.node)) {
      for (auto& summand : group->summands) set_extents(summand, extents);
    }
  }
}

class Pairer {
 public:
  Pairer(const Family& family, const Variant& variant, const IndexExtents& extents, Pack& pack, Diagnostics& diags)
      : family_(family), variant_(variant), extents_(extents), pack_(pack), diags_(diags) {}

  Result<Pairing> pair() {
    if (!lay_out_terms() || !lay_out_operands() || !check_ways()) return diags_.failed();
    first_numbers_ = pack_.numbers.size();
    for (const HookPipelines& hooks : variant_.hooks) {
      Numbers& numbers = pack_.numbers.emplace_back(Numbers{hooks.towards});
      for (const OperandTerm& operand : hooks.operands) numbers.operands.push_back(operand.pipeline);
    }
    for (const SideId side : BothSides) add_one_sided(side, PieceKind::Pad);
    const bool is_constant = variant_.is_constant[0] || variant_.is_constant[1];
    if (is_constant ? !pair_constant() : !pair_terms()) return diags_.failed();
    return std::move(result_);
  }

 private:
  // ---- layouts ------------------------------------------------------------------------------------------------------

  Result<axes::Layout> lay_out(axes::Pattern pattern, const std::vector<std::int64_t>& extents, Span place) {
    set_extents(pattern, extents);
    if (const auto small = axes::find_small_pad(pattern)) return report_small_pad(diags_, place, *small);
    std::optional<axes::Layout> layout = axes::lay_out(pattern);
    if (!layout) return report(diags_, place, diag::TooLarge, "this tensor has too many cells", "9.2e18");
    if (const auto twice = axes::repeated_axis(*layout)) {
      const std::string& name = family_.axes[static_cast<std::size_t>(*twice)];
      return report(diags_, place, diag::AxisTwice, name)
          .note("within one product a name is one axis; two axes of equal size need two names")
          .help("give the second its own name: `let " + name + "2 = " + name + "`");
    }
    return *std::move(layout);
  }

  bool lay_out_terms() {
    for (const SideId side : BothSides) {
      for (std::size_t t = 0; t < variant_.patterns[number(side)].size(); ++t) {
        const TermPlace& place = family_.terms[number(side)][t];
        Result<axes::Layout> layout = lay_out(variant_.patterns[number(side)][t], extents_.terms[number(side)][t],
                                              place.shape.value_or(place.path));
        if (!layout) return false;
        result_.terms[number(side)].push_back(*std::move(layout));
      }
    }
    return true;
  }

  bool lay_out_operands() {
    for (std::size_t t = 0; t < variant_.hooks.size(); ++t) {
      std::vector<axes::Layout>& layouts = result_.operands.emplace_back();
      for (std::size_t o = 0; o < variant_.hooks[t].operands.size(); ++o) {
        const OperandTerm& operand = variant_.hooks[t].operands[o];
        Result<axes::Layout> layout = lay_out(operand.shape.pattern, extents_.operands[t][o], operand.shape_span);
        if (!layout) return false;
        layouts.push_back(*std::move(layout));
      }
    }
    return true;
  }

  /// Whether the hooks run the ways that the arrow promises.
  bool check_ways() {
    for (const HookPipelines& hooks : variant_.hooks) {
      if (family_.arrow == ast::Arrow::Both && hooks.one_way != nullptr && !hooks.towards[number(SideId::Left)]) {
        report_one_way(family_, hooks, diags_);
        return false;
      }
      if (family_.arrow != ast::Arrow::Left && !hooks.operands.empty()) {
        report(diags_, family_.arrow_span, diag::ReverseMissing, diags_.sources().text(hooks.operands.front().span))
            .label("writes the side that this hook reads a tensor of")
            .also(hooks.operands.front().span, "read from the right side")
            .help("state that the rule runs right to left only: write `<=`");
        return false;
      }
    }
    return true;
  }

  // ---- pieces -------------------------------------------------------------------------------------------------------

  bool pair_constant() {
    for (const HookPipelines& hooks : variant_.hooks) {
      if (hooks.operands.empty()) continue;
      const Span span = hooks.operands.front().span;
      report(diags_, span, diag::WrongArguments, "the tensor argument", diags_.sources().text(span),
             "stands in a rule with a number in the place of a tensor: there is nothing to read it with");
      return false;
    }
    add_one_sided(variant_.is_constant[0] ? SideId::Right : SideId::Left, PieceKind::Constant);
    return true;
  }

  bool pair_terms() {
    std::array<std::vector<const axes::Layout*>, 2> layouts;
    for (const SideId side : BothSides) {
      for (const axes::Layout& layout : result_.terms[number(side)]) layouts[number(side)].push_back(&layout);
    }
    axes::Mismatch mismatch;
    const std::vector<axes::Match> matches = axes::match(layouts[0], layouts[1], mismatch);
    if (!mismatch.empty()) {
      report_mismatch(family_, result_, mismatch, diags_);
      return false;
    }
    return std::ranges::all_of(matches, [&](const axes::Match& match) { return add_copy(match); });
  }

  bool add_copy(const axes::Match& match) {
    PieceForm form;
    const Monomial& left = result_.monomial(SideId::Left, match.left);
    const Monomial& right = result_.monomial(SideId::Right, match.right);
    for (std::size_t a = 0; a < left.axes.size(); ++a) {
      const auto& [axis, extent, stride, block] = left.axes[a];
      form.axes.push_back({axis, extent, {stride, right.axes[a].stride}, extent});
    }
    form.numbers = first_numbers_ + match.right.term;
    const std::vector<OperandTerm>& operands = variant_.hooks[match.right.term].operands;
    std::vector<OperandPart> parts;
    for (std::size_t o = 0; o < operands.size(); ++o) {
      const std::vector<Monomial>& all = result_.operands[match.right.term][o].monomials;
      const std::optional<std::size_t> part = operand_part(operands[o], all, form.axes);
      if (!part || !check_operand(operands[o], all[*part], form.axes)) return false;
      parts.push_back({*part, &all[*part], operands[o].shape_span});
    }
    Result<std::vector<CutCopy>> cut = cut_at_blocks(form, parts, diags_);
    if (!cut) return false;
    for (CutCopy& part : *cut) {
      result_.copies.push_back(
          {match.left, match.right, add_form(std::move(part.form)), part.offset, std::move(part.operands)});
    }
    return true;
  }

  /// The part of a tensor argument that belongs to the piece: of several, the one whose axes the piece has.
  std::optional<std::size_t> operand_part(const OperandTerm& operand, const std::vector<Monomial>& parts,
                                          const std::vector<PieceAxis>& piece) {
    const auto is_of_piece = [&](const Monomial& part) {
      return std::ranges::all_of(axes_of(part), [&](const axes::AxisStride& axis) {
        return std::ranges::find(piece, axis.axis, &PieceAxis::axis) != piece.end();
      });
    };
    std::vector<std::size_t> contents;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      if (!parts[p].is_pad) contents.push_back(p);
    }
    if (contents.size() == 1) return contents.front();
    std::erase_if(contents, [&](std::size_t p) { return !is_of_piece(parts[p]); });
    if (contents.size() == 1) return contents.front();
    std::vector<std::string> names;
    for (const PieceAxis& axis : piece) names.push_back(family_.axes[static_cast<std::size_t>(axis.axis)]);
    report(diags_, operand.shape_span, diag::WrongArguments, "the tensor argument", operand.path.name,
           fmt::format("has {} parts for the piece `{}`; expected one whose axes are among those",
                       contents.empty() ? "no" : std::to_string(contents.size()), fmt::join(names, " ")));
    return std::nullopt;
  }

  /// A tensor argument is read along with the piece: its axes are among those of the piece, and as long.
  bool check_operand(const OperandTerm& operand, const Monomial& of, const std::vector<PieceAxis>& piece) {
    for (const axes::AxisStride& axis : axes_of(of)) {
      const std::string& name = family_.axes[static_cast<std::size_t>(axis.axis)];
      const Span place = axis_span(operand.shape_span, name, diags_);
      const auto found = std::ranges::find(piece, axis.axis, &PieceAxis::axis);
      if (found == piece.end()) {
        report(diags_, place, diag::AxisLost, name, "tensor argument")
            .also(family_.span, "no axis of the piece that it is read with")
            .note("a tensor argument has axes of the tensor before the hook; those that it lacks are repeated");
        return false;
      }
      const std::int64_t blocks = found->extent / axis.block + (found->extent % axis.block != 0 ? 1 : 0);
      if (axis.extent == blocks) continue;
      report(diags_, place, diag::SizeDiffers,
             fmt::format("axis `{}` of the tensor argument has {} cells, the rule needs {}", name, axis.extent, blocks))
          .also(family_.span, fmt::format("here `{}` is {}", name, found->extent))
          .note("in the body of a hook, names are those of the pack and its parameters, not those of the rule");
      return false;
    }
    return true;
  }

  /// Those in groups in blocks too.
  static std::vector<axes::AxisStride> axes_of(const Monomial& monomial) {
    std::vector<axes::AxisStride> all = monomial.axes;
    for (const axes::BlockedGroup& group : monomial.blocked)
      all.insert(all.end(), group.axes.begin(), group.axes.end());
    return all;
  }

  /// Constants of the whole side, or its pads.
  void add_one_sided(SideId side, PieceKind kind) {
    const std::vector<axes::Layout>& terms = result_.terms[number(side)];
    for (std::size_t t = 0; t < terms.size(); ++t) {
      for (std::size_t m = 0; m < terms[t].monomials.size(); ++m) {
        if (terms[t].monomials[m].is_pad != (kind == PieceKind::Pad)) continue;
        PieceForm form;
        for (const axes::AxisStride& axis : terms[t].monomials[m].axes) {
          PieceAxis piece{axis.axis, axis.extent, {}, axis.extent};
          piece.stride[number(side)] = axis.stride;
          form.axes.push_back(piece);
        }
        form.numbers = first_numbers_;
        result_.one_sided.push_back({side, {t, m}, kind, add_form(std::move(form))});
      }
    }
  }

  std::uint32_t add_form(PieceForm form) {
    pack_.forms.push_back(std::move(form));
    return static_cast<std::uint32_t>(pack_.forms.size() - 1);
  }

  const Family& family_;
  const Variant& variant_;
  const IndexExtents& extents_;
  Pack& pack_;
  Diagnostics& diags_;
  std::size_t first_numbers_ = 0;
  Pairing result_;
};

}  // namespace

Result<Pairing> pair_sides(const Family& family, const Variant& variant, const IndexExtents& extents, Pack& pack,
                           Diagnostics& diags) {
  return Pairer(family, variant, extents, pack, diags).pair();
}

}  // namespace rulec
