// SPDX-License-Identifier: Apache-2.0
// From the draft to the pack: lengths of index axes, layouts, and the pieces that both sides share.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/pack/draft.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

using axes::Layout;
using axes::Monomial;
using axes::MonomialRef;

std::string_view side_word(SideId side) {
  return side == SideId::Left ? "left" : "right";
}

void place_slots(const std::vector<axes::PatternDim>& dims, SlotPlace base, std::int64_t& nested,
                 std::vector<SlotPlace>& places) {
  for (const axes::PatternDim& dim : dims) {
    if (const auto* index = std::get_if<axes::IndexDim>(&dim.node)) {
      places.resize(std::max(places.size(), index->slot + 1));
      places[index->slot] = base + nested;
    }
    ++nested;
    if (const auto* group = std::get_if<axes::GroupDim>(&dim.node)) {
      for (const auto& summand : group->summands) place_slots(summand, base, nested, places);
    }
  }
}

void set_extents(std::vector<axes::PatternDim>& dims, const std::vector<std::int64_t>& extents) {
  for (axes::PatternDim& dim : dims) {
    if (auto* index = std::get_if<axes::IndexDim>(&dim.node)) index->extent = extents[index->slot];
    if (auto* group = std::get_if<axes::GroupDim>(&dim.node)) {
      for (auto& summand : group->summands) set_extents(summand, extents);
    }
  }
}

/// A term's pattern laid out for known lengths of its index axes.
struct LaidOutTerm {
  std::vector<std::int64_t> extents;
  Layout layout;
};

/// Everything that the instances of one variant share once the lengths are known: layouts, matched monomials, forms.
struct Block {
  std::array<std::vector<LaidOutTerm>, 2> terms;
  std::vector<std::vector<Layout>> operands;  // by term of the right side
  struct Copy {
    MonomialRef left;
    MonomialRef right;
    std::uint32_t form = 0;
  };
  std::vector<Copy> copies;
  struct OneSided {
    SideId side{};
    MonomialRef at;
    PieceKind kind{};
    std::uint32_t form = 0;
  };
  std::vector<OneSided> one_sided;
};

class Assembler {
 public:
  Assembler(const Rules& rules, Draft draft, Diagnostics& diags) : draft_(std::move(draft)), diags_(diags) {
    pack_.rules = &rules;
  }

  Result<Pack> assemble() {
    const std::size_t errors = diags_.errors();
    sort_tensors();
    for (std::size_t f = 0; f < draft_.families.size(); ++f) family(static_cast<std::uint32_t>(f));
    if (diags_.errors() > errors) return diags_.failed();
    drop_unused_tensors();
    pack_.ignored = std::move(draft_.ignored);
    return std::move(pack_);
  }

 private:
  struct TensorState {
    bool used = false;
    std::size_t family = 0;
    std::size_t term = 0;
  };

  void sort_tensors() {
    for (const SideId side : BothSides) {
      const NameTable& table = draft_.tables[number(side)];
      std::vector<std::uint32_t> order(table.names.size());
      std::iota(order.begin(), order.end(), 0U);
      std::ranges::sort(order, {}, [&](std::uint32_t n) -> const std::string& { return table.names[n]; });
      std::vector<std::uint32_t>& ranks = ranks_[number(side)];
      ranks.resize(order.size());
      for (std::uint32_t rank = 0; rank < order.size(); ++rank) {
        ranks[order[rank]] = rank;
        pack_.tensors[number(side)].push_back({table.names[order[rank]], {}, 0, true});
      }
      states_[number(side)].resize(order.size());
    }
  }

  void family(std::uint32_t f) {
    DraftFamily& draft = draft_.families[f];
    std::vector<std::vector<Block>> blocks(draft.variants.size());
    std::vector<bool> bad(draft.variants.size());
    for (const DraftInstance& instance : draft.instances) {
      if (bad[instance.variant]) continue;
      const Variant& variant = draft.variants[instance.variant];
      const Block* block = find_block(draft, variant, instance, blocks[instance.variant]);
      if (block == nullptr || !add_instance(f, draft, variant, instance, *block)) bad[instance.variant] = true;
    }
    pack_.families.push_back(std::move(draft.family));
  }

  std::vector<std::int64_t> extents_of(SideId side, std::uint32_t name, const std::vector<SlotPlace>& places) const {
    std::vector<std::int64_t> extents;
    const auto& known = draft_.tables[number(side)].extents[name];
    for (const SlotPlace place : places) extents.push_back(known.at(place));
    return extents;
  }

  const Block* find_block(const DraftFamily& draft, const Variant& variant, const DraftInstance& instance,
                          std::vector<Block>& blocks) {
    std::array<std::vector<std::vector<std::int64_t>>, 2> extents;
    for (const SideId side : BothSides) {
      const auto& terms = instance.terms[number(side)];
      for (std::size_t t = 0; t < terms.size(); ++t) {
        extents[number(side)].push_back(extents_of(side, terms[t].tensor, variant.places[number(side)][t]));
      }
    }
    for (const Block& block : blocks) {
      const auto same = [&](SideId side) {
        return std::ranges::equal(block.terms[number(side)], extents[number(side)], {}, &LaidOutTerm::extents);
      };
      if (same(SideId::Left) && same(SideId::Right)) return &block;
    }
    Block block;
    if (!lay_out(draft, variant, instance, extents, block) || !pair(draft, variant, block)) return nullptr;
    blocks.push_back(std::move(block));
    return &blocks.back();
  }

  bool lay_out(const DraftFamily& draft, const Variant& variant, const DraftInstance& instance,
               const std::array<std::vector<std::vector<std::int64_t>>, 2>& extents, Block& block) {
    for (const SideId side : BothSides) {
      for (std::size_t t = 0; t < instance.terms[number(side)].size(); ++t) {
        axes::Pattern pattern = variant.patterns[number(side)][t];
        set_extents(pattern, extents[number(side)][t]);
        std::optional<Layout> layout = axes::lay_out(pattern);
        const TermPlace& place = draft.family.terms[number(side)][t];
        if (!layout) {
          report(diags_, place.shape.value_or(place.path), diag::TooLarge, "this tensor has too many cells", "9.2e18");
          return false;
        }
        if (const auto twice = axes::repeated_axis(*layout)) {
          const std::string& name = draft.family.axes[static_cast<std::size_t>(*twice)];
          report(diags_, place.shape.value_or(place.path), diag::AxisTwice, name)
              .note("within one product a name is one axis; two axes of equal size need two names")
              .help(fmt::format("give the second its own name: `let {}2 = {}`", name, name));
          return false;
        }
        block.terms[number(side)].push_back({extents[number(side)][t], *std::move(layout)});
      }
    }
    for (std::size_t t = 0; t < variant.hooks.size(); ++t) {
      std::vector<Layout>& layouts = block.operands.emplace_back();
      for (std::size_t o = 0; o < variant.hooks[t].operands.size(); ++o) {
        const OperandTerm& operand = variant.hooks[t].operands[o];
        axes::Pattern pattern = operand.shape.pattern;
        set_extents(pattern, extents_of(SideId::Right, instance.operands[t][o].tensor, slot_places(pattern)));
        std::optional<Layout> layout = axes::lay_out(pattern);
        if (!layout || layout->monomials.size() != 1) {
          report(diags_, operand.span, diag::WrongType, "a tensor argument that is one product of axes",
                 "a sum or a pad");
          return false;
        }
        layouts.push_back(*std::move(layout));
      }
    }
    return true;
  }

  bool pair(const DraftFamily& draft, const Variant& variant, Block& block) {
    const std::size_t first_numbers = pack_.numbers.size();
    for (const HookPipelines& hooks : variant.hooks) {
      if (draft.family.arrow == ast::Arrow::Both && hooks.one_way != nullptr && !hooks.towards[number(SideId::Left)]) {
        report_one_way(draft, hooks);
        return false;
      }
      if (draft.family.arrow != ast::Arrow::Left && !hooks.operands.empty()) {
        report(diags_, draft.family.arrow_span, diag::ReverseMissing,
               diags_.sources().text(hooks.operands.front().span))
            .label("writes the side that this hook reads a tensor of")
            .also(hooks.operands.front().span, "read from the right side")
            .help("state that the rule runs right to left only: write `<=`");
        return false;
      }
      pack_.numbers.push_back({hooks.towards});
    }
    for (const SideId side : BothSides) add_pads(side, block, first_numbers);
    if (variant.is_constant[0] || variant.is_constant[1]) {
      const SideId side = variant.is_constant[0] ? SideId::Right : SideId::Left;
      each_monomial(side, block, false, [&](MonomialRef at) {
        block.one_sided.push_back({side, at, PieceKind::Constant, one_sided_form(side, block, at, first_numbers)});
      });
      return true;
    }
    std::array<std::vector<const Layout*>, 2> layouts;
    for (const SideId side : BothSides) {
      for (const LaidOutTerm& term : block.terms[number(side)]) layouts[number(side)].push_back(&term.layout);
    }
    axes::Mismatch mismatch;
    const std::vector<axes::Match> matches = axes::match(layouts[0], layouts[1], mismatch);
    if (!mismatch.empty()) {
      report_mismatch(draft, block, mismatch);
      return false;
    }
    for (const axes::Match& match : matches) {
      PieceForm form;
      const Monomial& left = monomial(SideId::Left, block, match.left);
      const Monomial& right = monomial(SideId::Right, block, match.right);
      for (std::size_t a = 0; a < left.axes.size(); ++a) {
        form.axes.push_back({left.axes[a].axis, left.axes[a].extent, {left.axes[a].stride, right.axes[a].stride}});
      }
      form.numbers = first_numbers + match.right.term;
      block.copies.push_back({match.left, match.right, add_form(std::move(form))});
    }
    return true;
  }

  static const Monomial& monomial(SideId side, const Block& block, MonomialRef ref) {
    return block.terms[number(side)][ref.term].layout.monomials[ref.monomial];
  }

  template <class Action>
  static void each_monomial(SideId side, const Block& block, bool pads, const Action& action) {
    const auto& terms = block.terms[number(side)];
    for (std::size_t t = 0; t < terms.size(); ++t) {
      for (std::size_t m = 0; m < terms[t].layout.monomials.size(); ++m) {
        if (terms[t].layout.monomials[m].is_pad == pads) action(MonomialRef{t, m});
      }
    }
  }

  void add_pads(SideId side, Block& block, std::size_t numbers) {
    each_monomial(side, block, true, [&](MonomialRef at) {
      block.one_sided.push_back({side, at, PieceKind::Pad, one_sided_form(side, block, at, numbers)});
    });
  }

  std::uint32_t one_sided_form(SideId side, const Block& block, MonomialRef at, std::size_t numbers) {
    PieceForm form;
    for (const axes::AxisStride& axis : monomial(side, block, at).axes) {
      PieceAxis piece{axis.axis, axis.extent, {}};
      piece.stride[number(side)] = axis.stride;
      form.axes.push_back(piece);
    }
    form.numbers = numbers;
    return add_form(std::move(form));
  }

  std::uint32_t add_form(PieceForm form) {
    pack_.forms.push_back(std::move(form));
    return static_cast<std::uint32_t>(pack_.forms.size() - 1);
  }

  // ---- instances ----------------------------------------------------------------------------------------------------

  bool add_instance(std::uint32_t f, DraftFamily& draft, const Variant& variant, const DraftInstance& from,
                    const Block& block) {
    Instance instance{from.values, {}};
    for (const SideId side : BothSides) {
      for (std::size_t t = 0; t < from.terms[number(side)].size(); ++t) {
        const std::uint32_t tensor = ranks_[number(side)][from.terms[number(side)][t].tensor];
        if (!name_tensor(side, tensor, f, t, draft, block.terms[number(side)][t].layout.shape, variant.shape_known))
          return false;
        instance.tensors[number(side)].push_back(tensor);
      }
    }
    const auto number_of_instance = static_cast<std::uint32_t>(draft.family.instances.size());
    const auto offset = [&](SideId side, MonomialRef at) {
      const Monomial& m = monomial(side, block, at);
      std::int64_t result = m.offset;
      for (const axes::IndexStride& index : m.indices) {
        result += from.terms[number(side)][at.term].positions[index.slot] * index.stride;
      }
      return result;
    };
    const auto tensor = [&](SideId side, MonomialRef at) {
      return static_cast<std::int32_t>(instance.tensors[number(side)][at.term]);
    };
    for (const Block::Copy& copy : block.copies) {
      Piece piece{PieceKind::Copy, f, number_of_instance, copy.form, {}, {}, 0, {}};
      piece.tensor = {tensor(SideId::Left, copy.left), tensor(SideId::Right, copy.right)};
      piece.offset = {offset(SideId::Left, copy.left), offset(SideId::Right, copy.right)};
      add_operands(piece, variant, from, block, copy.right.term, f);
      pack_.pieces.push_back(std::move(piece));
    }
    for (const Block::OneSided& one : block.one_sided) {
      Piece piece{one.kind,
                  f,
                  number_of_instance,
                  one.form,
                  {-1, -1},
                  {},
                  one.kind == PieceKind::Constant ? variant.constant : 0,
                  {}};
      piece.tensor[number(one.side)] = tensor(one.side, one.at);
      piece.offset[number(one.side)] = offset(one.side, one.at);
      pack_.pieces.push_back(std::move(piece));
    }
    draft.family.instances.push_back(std::move(instance));
    return true;
  }

  void add_operands(Piece& piece, const Variant& variant, const DraftInstance& from, const Block& block,
                    std::size_t term, std::uint32_t f) {
    for (std::size_t o = 0; o < variant.hooks[term].operands.size(); ++o) {
      const Layout& layout = block.operands[term][o];
      const Monomial& m = layout.monomials.front();
      PieceOperand operand;
      operand.tensor = ranks_[number(SideId::Right)][from.operands[term][o].tensor];
      pack_.tensors[number(SideId::Right)][operand.tensor].shape = layout.shape;
      states_[number(SideId::Right)][operand.tensor] = {true, f, term};
      operand.offset = m.offset;
      for (const axes::IndexStride& index : m.indices)
        operand.offset += from.operands[term][o].positions[index.slot] * index.stride;
      for (const PieceAxis& axis : pack_.forms[piece.form].axes) {
        const auto found = std::ranges::find(m.axes, axis.axis, &axes::AxisStride::axis);
        operand.axes.push_back(found == m.axes.end() ? OperandAxis{0, 1} : OperandAxis{found->stride, found->block});
      }
      piece.operands.push_back(std::move(operand));
    }
  }

  bool name_tensor(SideId side, std::uint32_t number_of_tensor, std::size_t family, std::size_t term,
                   const DraftFamily& draft, const Shape& shape, bool shape_known) {
    Tensor& tensor = pack_.tensors[number(side)][number_of_tensor];
    TensorState& state = states_[number(side)][number_of_tensor];
    if (!state.used) {
      state = {true, family, term};
      tensor.shape = shape;
      tensor.family = family;
      tensor.shape_known = shape_known;
      return true;
    }
    if (tensor.shape == shape || !shape_known || !tensor.shape_known) return true;
    const Family& first = state.family == family ? draft.family : pack_.families[state.family];
    const TermPlace& here = draft.family.terms[number(side)][term];
    const TermPlace& there = first.terms[number(side)][std::min(state.term, first.terms[number(side)].size() - 1)];
    report(diags_, here.shape.value_or(here.path), diag::ShapesDisagree, tensor.name, to_string(tensor.shape),
           to_string(shape))
        .label(to_string(shape))
        .also(there.shape.value_or(there.path), to_string(tensor.shape))
        .note("every rule that names a tensor gives its whole shape");
    return false;
  }

  void drop_unused_tensors() {
    for (const SideId side : BothSides) {
      std::vector<Tensor>& tensors = pack_.tensors[number(side)];
      std::vector<std::uint32_t> moved(tensors.size());
      std::vector<Tensor> kept;
      for (std::size_t t = 0; t < tensors.size(); ++t) {
        moved[t] = static_cast<std::uint32_t>(kept.size());
        if (states_[number(side)][t].used) kept.push_back(std::move(tensors[t]));
      }
      if (kept.size() == tensors.size()) {
        tensors = std::move(kept);
        continue;
      }
      tensors = std::move(kept);
      for (Piece& piece : pack_.pieces) {
        if (piece.tensor[number(side)] >= 0)
          piece.tensor[number(side)] =
              static_cast<std::int32_t>(moved[static_cast<std::size_t>(piece.tensor[number(side)])]);
        if (side == SideId::Right) {
          for (PieceOperand& operand : piece.operands) operand.tensor = moved[operand.tensor];
        }
      }
      for (Family& family : pack_.families) {
        for (Instance& instance : family.instances) {
          for (std::uint32_t& tensor : instance.tensors[number(side)]) tensor = moved[tensor];
        }
      }
    }
  }

  // ---- messages -----------------------------------------------------------------------------------------------------

  void report_one_way(const DraftFamily& draft, const HookPipelines& hooks) {
    Finding finding =
        report(diags_, draft.family.arrow_span, diag::ReverseMissing, diags_.sources().text(hooks.one_way->name.span));
    finding.label("promises both directions");
    finding.also(hooks.one_way->span,
                 hooks.operands.empty() ? "cannot be undone" : "takes a tensor, declares no `reverse`");
    finding.help(fmt::format("state that it only runs {}: write `{}`", "right to left", "<="));
    finding.help(
        fmt::format("or say how to go back: give `{}` a `reverse`", diags_.sources().text(hooks.one_way->name.span)));
  }

  std::string monomial_text(const DraftFamily& draft, const Monomial& m) const {
    std::vector<std::string> names;
    for (const axes::AxisStride& axis : m.axes) names.push_back(draft.family.axes[static_cast<std::size_t>(axis.axis)]);
    return fmt::format("{}", fmt::join(names, "*"));
  }

  void report_mismatch(const DraftFamily& draft, const Block& block, const axes::Mismatch& mismatch) {
    const auto place = [&](SideId side, MonomialRef ref) {
      const TermPlace& term = draft.family.terms[number(side)][ref.term];
      return term.shape.value_or(term.path);
    };
    if (mismatch.left_only.size() == 1 && mismatch.right_only.size() == 1) {
      const Monomial& left = monomial(SideId::Left, block, mismatch.left_only.front());
      const Monomial& right = monomial(SideId::Right, block, mismatch.right_only.front());
      for (const SideId side : BothSides) {
        const Monomial& mine = side == SideId::Left ? left : right;
        const Monomial& theirs = side == SideId::Left ? right : left;
        for (const axes::AxisStride& axis : mine.axes) {
          if (std::ranges::find(theirs.axes, axis.axis, &axes::AxisStride::axis) != theirs.axes.end()) continue;
          const MonomialRef here = side == SideId::Left ? mismatch.left_only.front() : mismatch.right_only.front();
          const MonomialRef there = side == SideId::Left ? mismatch.right_only.front() : mismatch.left_only.front();
          report(diags_, axis_span(draft, side, here, axis.axis), diag::AxisLost,
                 draft.family.axes[static_cast<std::size_t>(axis.axis)], side_word(side))
              .label(fmt::format("of size {}; {} elements here", axis.extent, monomial_text(draft, mine)))
              .also(place(other(side), there), fmt::format("{} elements", monomial_text(draft, theirs)))
              .note("a rule must use every axis once on each side, or elements would be dropped or invented")
              .help("heads are usually fused with their size, as in `[(N H) D]`");
          return;
        }
      }
    }
    for (const SideId side : BothSides) {
      for (const MonomialRef ref : side == SideId::Left ? mismatch.left_only : mismatch.right_only) {
        report(diags_, place(side, ref), diag::PieceMissing, monomial_text(draft, monomial(side, block, ref)),
               side_word(side))
            .note("distributed, both shapes must be sums of the same products of axes");
      }
    }
    for (const auto& [first, second] : mismatch.twice) {
      const SideId side =
          std::ranges::any_of(block.terms[0], [&](const LaidOutTerm& t) { return &t == &block.terms[0][first.term]; })
              ? SideId::Left
              : SideId::Right;
      report(diags_, draft.family.span, diag::PieceMissing, monomial_text(draft, monomial(side, block, second)),
             "same side twice, but there");
    }
  }

  /// The place of an axis within the shape of a term.
  Span axis_span(const DraftFamily& draft, SideId side, MonomialRef ref, axes::AxisId axis) const {
    const TermPlace& term = draft.family.terms[number(side)][ref.term];
    const Span shape = term.shape.value_or(term.path);
    const std::string& name = draft.family.axes[static_cast<std::size_t>(axis)];
    const std::string_view text = diags_.sources().text(shape);
    const auto is_word = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
      const bool starts = at == 0 || !is_word(text[at - 1]);
      const std::size_t end = at + name.size();
      if (starts && (end == text.size() || !is_word(text[end]))) {
        return {shape.source, shape.begin + static_cast<std::uint32_t>(at),
                shape.begin + static_cast<std::uint32_t>(end)};
      }
    }
    return shape;
  }

  Draft draft_;
  Diagnostics& diags_;
  Pack pack_;
  std::array<std::vector<std::uint32_t>, 2> ranks_;
  std::array<std::vector<TensorState>, 2> states_;
};

}  // namespace

std::vector<SlotPlace> slot_places(const axes::Pattern& pattern) {
  std::vector<SlotPlace> places;
  for (std::size_t dim = 0; dim < pattern.size(); ++dim) {
    std::int64_t nested = 0;
    place_slots({pattern[dim]}, static_cast<SlotPlace>(dim) * 1'000'000, nested, places);
  }
  return places;
}

std::uint32_t NameTable::intern(const std::string& name) {
  const auto [place, is_new] = numbers.try_emplace(name, static_cast<std::uint32_t>(names.size()));
  if (is_new) {
    names.push_back(name);
    extents.emplace_back();
  }
  return place->second;
}

void NameTable::extend(std::uint32_t name, SlotPlace place, std::int64_t extent) {
  std::int64_t& known = extents[name][place];
  known = std::max(known, extent);
}

std::optional<std::size_t> Pack::find(SideId side, std::string_view name) const {
  const std::vector<Tensor>& list = tensors[number(side)];
  const auto found = std::ranges::lower_bound(list, name, {}, &Tensor::name);
  if (found == list.end() || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - list.begin());
}

Result<Pack> assemble(const Rules& rules, Draft draft, Diagnostics& diags) {
  return Assembler(rules, std::move(draft), diags).assemble();
}

}  // namespace rulec
