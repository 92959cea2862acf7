// SPDX-License-Identifier: Apache-2.0
// What happens to one tensor, both ways, in words and numbers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "engine/check/check.h"
#include "engine/guard.h"
#include "engine/pack/pack.h"
#include "engine/tensor/name_sets.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

#include <rulec/check.h>

namespace rulec {
namespace {

constexpr std::size_t MostPieces = 4;

class Explanation {
 public:
  Explanation(const Model& model, SideId side, std::size_t tensor, Diagnostics& diags)
      : pack_(model.pack()), rules_(model.rules()), side_(side), tensor_(tensor), diags_(diags) {}

  std::string text() {
    const Tensor& tensor = pack_.tensors[number(side_)][tensor_];
    std::vector<const Piece*> pieces;
    for (const Piece& piece : pack_.pieces) {
      if (piece.tensor[number(side_)] != static_cast<std::int32_t>(tensor_)) continue;
      if (piece.kind != PieceKind::Pad) pieces.push_back(&piece);
    }
    out_ = fmt::format("{}  {}  on the side of {}\n", tensor.name, shape_text(tensor), rules_.sides[number(side_)]);
    std::map<std::uint32_t, std::vector<const Piece*>> by_family;
    for (const Piece* piece : pieces) by_family[piece->family].push_back(piece);
    for (const auto& [family, list] : by_family) rule(pack_.families[family], list);
    argument_of();
    for (const Piece& piece : pack_.pieces) {
      if (piece.kind == PieceKind::Pad && piece.tensor[number(side_)] == static_cast<std::int32_t>(tensor_)) {
        out_ += fmt::format("\n  padding  cells {} hold zeros; whoever reads them checks that they do\n",
                            box_text(piece, side_));
        break;
      }
    }
    return out_;
  }

 private:
  /// The rules whose hooks read the tensor beside another.
  void argument_of() {
    std::map<std::uint32_t, std::string> targets;  // by family, the first tensor that is made
    for (const Piece& piece : pack_.pieces) {
      const bool reads =
          side_ == SideId::Right &&
          std::ranges::any_of(piece.operands, [&](const PieceOperand& operand) { return operand.tensor == tensor_; });
      if (reads) targets.try_emplace(piece.family, pack_.tensors[0][static_cast<std::size_t>(piece.tensor[0])].name);
    }
    for (const auto& [family, target] : targets) {
      rule_text(pack_.families[family]);
      out_ += fmt::format("  read     by a hook, to make {}\n", target);
    }
  }

  void rule_text(const Family& family) {
    const Source& source = diags_.sources()[family.span.source];
    const Position at = source.position(family.span.begin);
    out_ += fmt::format("\n  rule     {}:{}:{}\n           {}\n", source.name(), at.line, at.column,
                        squeezed(diags_.sources().text(family.span)));
  }

  void rule(const Family& family, const std::vector<const Piece*>& pieces) {
    rule_text(family);
    for (std::size_t p = 0; p < std::min(pieces.size(), MostPieces); ++p) piece(family, *pieces[p]);
    if (pieces.size() > MostPieces)
      out_ += fmt::format("           ... and {} more pieces of the same form\n", pieces.size() - MostPieces);
    axes(family, *pieces.front());
    numbers(*pieces.front());
  }

  /// A rule on one line, runs of blanks made one.
  static std::string squeezed(std::string_view text) {
    std::string result;
    for (const char c : text) {
      const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (blank && (result.empty() || result.back() == ' ')) continue;
      result += blank ? ' ' : c;
    }
    return result;
  }

  void piece(const Family& family, const Piece& piece) {
    std::vector<std::string> indices;
    for (std::size_t i = 0; i < family.indices.size(); ++i) {
      const FamilyIndex& index = family.indices[i];
      indices.push_back(fmt::format("{} = {}", index.name, index.text(family.values_of(piece.instance)[i])));
    }
    if (!indices.empty()) out_ += fmt::format("  for      {}\n", fmt::join(indices, ", "));
    if (piece.kind == PieceKind::Constant) {
      out_ += fmt::format("  holds    the constant {}\n", piece.constant);
      return;
    }
    for (const SideId side : BothSides) {
      const Tensor& tensor = pack_.tensors[number(side)][static_cast<std::size_t>(piece.tensor[number(side)])];
      out_ += fmt::format("  {:<8} {}  {}{}\n", rules_.sides[number(side)], tensor.name, shape_text(tensor),
                          part_text(piece, side));
    }
  }

  /// Of a rule without shapes, only brackets tell axes, which stack what is stored.
  static std::string shape_text(const Tensor& tensor) {
    if (tensor.shape_known) return to_string(tensor.shape);
    return tensor.shape.empty() ? "[as stored]" : fmt::format("[{}, as stored]", fmt::join(tensor.shape, " "));
  }

  std::string part_text(const Piece& piece, SideId side) const {
    const Tensor& tensor = pack_.tensors[number(side)][static_cast<std::size_t>(piece.tensor[number(side)])];
    std::int64_t size = 1;
    for (const PieceAxis& axis : pack_.forms[piece.form].axes) size *= axis.extent;
    return size == cells(tensor.shape) ? "" : "  cells " + box_text(piece, side);
  }

  std::string box_text(const Piece& piece, SideId side) const {
    std::vector<std::string> parts;
    for (const Progression& set : cells_of(pack_, piece, side)) {
      if (set.empty())
        parts.emplace_back("none");
      else if (set.axes.empty())
        parts.push_back(std::to_string(set.offset));
      else if (set.runs() == 1)
        parts.push_back(fmt::format("{}..{}", set.offset, set.offset + set.axes.front().extent));
      else
        parts.push_back(fmt::format("{} runs from {}", set.runs(), set.offset));
    }
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }

  /// The strided copy: one line an axis.
  void axes(const Family& family, const Piece& piece) {
    if (piece.kind != PieceKind::Copy) return;
    const std::vector<PieceAxis>& axes = pack_.forms[piece.form].axes;
    if (axes.empty()) return;
    out_ += fmt::format("  copy     {:<10} {:>10} {:>14} {:>14}   (steps in elements)\n", "axis", "size",
                        "in " + rules_.sides[0], "in " + rules_.sides[1]);
    for (const PieceAxis& axis : axes) {
      out_ += fmt::format("           {:<10} {:>10} {:>14} {:>14}\n", family.axes[static_cast<std::size_t>(axis.axis)],
                          axis.extent, axis.stride[0], axis.stride[1]);
    }
  }

  void numbers(const Piece& piece) {
    if (piece.kind == PieceKind::Constant) {
      out_ += fmt::format("  there and back: {}\n", describe({}, quotient(pack_, piece.family, side_)));
      return;
    }
    const Numbers& numbers = pack_.numbers[pack_.forms[piece.form].numbers];
    for (const SideId to : {SideId::Left, SideId::Right}) {
      const auto& pipeline = numbers.towards[number(to)];
      const std::string label = fmt::format("to {}", rules_.sides[number(to)]);
      if (!pipeline) {
        const Quotient cells = quotient(pack_, piece.family, other(to));
        out_ += fmt::format("  {:<12} no way: the rule runs the other way only{}\n", label,
                            cells.alias ? "; up-to-alias, it comes back as other rules make it" : "");
        continue;
      }
      const DType dtype = trial_type(numbers, other(to));
      const RoundTrip trip = round_trip(numbers, other(to), dtype, cache_);
      const std::string function = pipeline->empty() ? "bits are moved untouched" : "x | " + to_string(*pipeline);
      out_ += fmt::format("  {:<12} {}\n", label, function);
      operands(piece, numbers);
      out_ += fmt::format("               in {}: {}\n               {}\n", type_word(dtype),
                          describe(trip, quotient(pack_, piece.family, other(to))), why(piece, numbers, trip));
    }
  }

  /// The tensor arguments by the numbers that the pipeline has for them. They are read towards the left only.
  void operands(const Piece& piece, const Numbers& numbers) {
    for (std::size_t o = 0; o < piece.operands.size(); ++o) {
      const Tensor& tensor = pack_.tensors[number(SideId::Right)][piece.operands[o].tensor];
      const std::string function = numbers.operands[o].empty() ? "" : " | " + to_string(numbers.operands[o]);
      out_ += fmt::format("               tensor {} is {}  {}{}\n", o, tensor.name, to_string(tensor.shape), function);
    }
  }

  static std::string_view type_word(DType dtype) { return dtype == DType::Bf16 ? "bfloat16" : rule_name(dtype); }

  std::string why(const Piece& piece, const Numbers& numbers, const RoundTrip& trip) const {
    switch (trip.evidence) {
      case Evidence::Untouched:
        return pack_.tensors[0][static_cast<std::size_t>(piece.tensor[0])].shape_known
                   ? "proved by the normal form of both shapes"
                   : "copied as it is stored: no rule says the shapes, so none are held against each other";
      case Evidence::AllValues:
        return fmt::format(
            "proved by trying all {} finite values there and back; of 0 and 2^-16 <= |x| <= 8, {} come back",
            with_commas(trip.tried), percent(trip.weights_share));
      case Evidence::Samples:
        return fmt::format("tried on {} samples there and back", with_commas(trip.tried));
      case Evidence::None:
        break;
    }
    const bool both = numbers.towards[0] && numbers.towards[1];
    if (!both) return "the other direction does not read it back";
    return std::ranges::any_of(numbers.towards, [](const auto& p) { return takes_tensor(*p); })
               ? "not tried: a hook reads a tensor"
               : "not tried: the hooks work on other types";
  }

  static std::string with_commas(std::size_t count) {
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
    return text;
  }

  const Pack& pack_;
  const Rules& rules_;
  SideId side_;
  std::size_t tensor_;
  Diagnostics& diags_;
  RoundTripCache cache_;
  std::string out_;
};

/// What the pack says has no partner; empty if it says nothing.
std::string explain_ignored(const Model& model, std::string_view tensor, const Diagnostics& diags) {
  std::string text;
  for (const IgnoredGlob& glob : model.pack().ignored) {
    if (!glob_matches(glob.glob, tensor)) continue;
    const Source& source = diags.sources()[glob.span.source];
    const Position at = source.position(glob.span.begin);
    text += fmt::format("{}{}  on the side of {}, if it is there\n\n  ignored  {}:{}:{}\n           {}\n",
                        text.empty() ? "" : "\n", tensor, model.rules().sides[number(glob.side)], source.name(),
                        at.line, at.column, diags.sources().text(glob.span));
  }
  return text;
}

}  // namespace

Result<std::string> explain(const Model& model, std::string_view tensor, Diagnostics& diags) {
  return guarded(diags, model.sources(), [&]() -> Result<std::string> {
    std::string text;
    std::vector<std::string> known;
    for (const SideId side : BothSides) {
      for (const Tensor& t : model.pack().tensors[number(side)]) known.push_back(t.name);
      if (const auto index = model.pack().find(side, tensor)) {
        if (!text.empty()) text += "\n";
        text += Explanation(model, side, *index, diags).text();
      }
    }
    if (text.empty()) text = explain_ignored(model, tensor, diags);
    if (!text.empty()) return text;
    Finding finding = report(diags, {}, diag::UnresolvedName, "tensor", tensor);
    if (const auto close = close_names(tensor, known); !close.empty())
      finding.help(fmt::format("these names are close: `{}`", fmt::join(close, "`, `")));
    return finding;
  });
}

}  // namespace rulec
