// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/axes/blocks.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

using axes::AxisStride;
using axes::BlockedGroup;
using axes::Part;

/// Real weights take four.
constexpr std::size_t MaxParts = 4096;

std::size_t place_of(const AxisStride& axis, const PieceForm& form) {
  return static_cast<std::size_t>(std::ranges::find(form.axes, axis.axis, &PieceAxis::axis) - form.axes.begin());
}

axes::BoxedGroup group_of(const BlockedGroup& blocked, const PieceForm& form) {
  axes::BoxedGroup group{blocked.block, blocked.offset, {}};
  for (const AxisStride& axis : blocked.axes) {
    if (axis.extent > 1) group.axes.push_back({place_of(axis, form), axis.stride});
  }
  return group;
}

/// An axis in blocks of its own, `X//128`, as a group.
axes::BoxedGroup group_of(const AxisStride& axis, const PieceForm& form) {
  return {axis.block, 0, {{place_of(axis, form), 1}}};
}

class Cutter {
 public:
  Cutter(const PieceForm& form, const std::vector<OperandPart>& operands, Diagnostics& diags)
      : form_(form), operands_(operands), diags_(diags) {
    Part whole;
    for (const PieceAxis& axis : form.axes) whole.push_back({0, 1, axis.extent});
    parts_ = {std::move(whole)};
  }

  Result<std::vector<CutCopy>> cut() {
    for (const OperandPart& operand : operands_) {
      for (const BlockedGroup& group : operand.monomial->blocked) {
        if (!check_indices(group, operand.shape_span) || !cut_all(group_of(group, form_), operand.shape_span))
          return diags_.failed();
      }
    }
    // What groups have cut may not begin where blocks of an axis do.
    for (const OperandPart& operand : operands_) {
      for (const AxisStride& axis : operand.monomial->axes) {
        if (axis.block > 1 && !cut_all(group_of(axis, form_), operand.shape_span)) return diags_.failed();
      }
    }
    std::vector<CutCopy> copies;
    for (const Part& part : parts_) copies.push_back(copy_of(part));
    return copies;
  }

 private:
  bool check_indices(const BlockedGroup& group, Span shape) {
    const bool is_whole = std::ranges::all_of(
        group.indices, [&](const axes::IndexStride& index) { return index.stride % group.block == 0; });
    if (is_whole) return true;
    report(diags_, shape, diag::WrongArguments, "the tensor argument", diags_.sources().text(shape),
           fmt::format("has an index whose steps are no whole blocks of {}", group.block))
        .help("write a sum instead of the index, with a tensor for each of its parts: `(F + F2)//128`");
    return false;
  }

  bool cut_all(const axes::BoxedGroup& group, Span shape) {
    std::vector<Part> result;
    for (const Part& part : parts_) {
      std::optional<std::vector<Part>> cut = axes::cut_at_blocks(group, part, MaxParts);
      if (cut) result.insert(result.end(), cut->begin(), cut->end());
      if (cut && result.size() <= MaxParts) continue;
      report(diags_, shape, diag::TooManyIndices, "these blocks cut a tensor into too many parts", MaxParts);
      return false;
    }
    parts_ = std::move(result);
    return true;
  }

  CutCopy copy_of(const Part& part) const {
    CutCopy copy{form_, {}, {}};
    for (std::size_t a = 0; a < part.size(); ++a) {
      PieceAxis& axis = copy.form.axes[a];
      axis.extent = part[a].count;
      for (const SideId side : BothSides) {
        copy.offset[number(side)] += part[a].first * axis.stride[number(side)];
        axis.stride[number(side)] *= part[a].step;
      }
    }
    for (const OperandPart& operand : operands_) copy.operands.push_back(operand_of(operand, part));
    return copy;
  }

  Pairing::Operand operand_of(const OperandPart& of, const Part& part) const {
    Pairing::Operand operand{of.number, 0, std::vector<OperandAxis>(part.size(), OperandAxis{0, 1})};
    for (const AxisStride& axis : of.monomial->axes) {
      if (axis.extent == 1) continue;
      if (axis.block > 1) {
        add(operand, axes::block_number(group_of(axis, form_), part), axis.stride);
        continue;
      }
      const std::size_t a = place_of(axis, form_);
      operand.offset += part[a].first * axis.stride;
      operand.axes[a].stride = part[a].step * axis.stride;
    }
    for (const BlockedGroup& group : of.monomial->blocked)
      add(operand, axes::block_number(group_of(group, form_), part), group.stride);
    return operand;
  }

  static void add(Pairing::Operand& operand, const std::optional<axes::BlockNumber>& number, std::int64_t stride) {
    operand.offset += number->first * stride;  // the parts are cut so that there is one
    for (std::size_t a = 0; a < number->steps.size(); ++a) {
      if (number->steps[a].blocks != 0) operand.axes[a] = {number->steps[a].blocks * stride, number->steps[a].cells};
    }
  }

  const PieceForm& form_;
  const std::vector<OperandPart>& operands_;
  Diagnostics& diags_;
  std::vector<Part> parts_;
};

}  // namespace

Result<std::vector<CutCopy>> cut_at_blocks(const PieceForm& form, const std::vector<OperandPart>& operands,
                                           Diagnostics& diags) {
  return Cutter(form, operands, diags).cut();
}

}  // namespace rulec
