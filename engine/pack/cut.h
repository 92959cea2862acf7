// SPDX-License-Identifier: Apache-2.0
// A product of axes cut where a tensor argument in blocks, `(N H)//128`, asks for it: within each part the place in the
// argument is a sum over the axes, which is all that plans and runners know.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/pack/pairing.h"

namespace rulec {

/// The part of a tensor argument that is read with a product. Borrowed for the call.
struct OperandPart {
  std::size_t number = 0;  ///< of the argument's monomials
  const axes::Monomial* monomial = nullptr;
  Span shape_span;
};

/// A part of a product. Offsets are relative to the whole, in elements.
struct CutCopy {
  PieceForm form;
  std::array<std::int64_t, 2> offset{};
  std::vector<Pairing::Operand> operands;
};

/// The whole, uncut, where no argument has a group in blocks or all blocks agree with the axes. The axes of `operands`
/// are among those of `form`, and as long. Errors: R0214, R0411.
Result<std::vector<CutCopy>> cut_at_blocks(const PieceForm& form, const std::vector<OperandPart>& operands,
                                           Diagnostics& diags);

}  // namespace rulec
