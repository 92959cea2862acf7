// SPDX-License-Identifier: Apache-2.0
// Moves the cells of one piece from source buffers into a target buffer.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/graph/pieces.h"

namespace rulec {

/// Buffers that pieces share, so that none is allocated for each.
struct Scratch {
  std::vector<std::byte> arrived;
  std::vector<std::byte> leaves;
  std::vector<std::vector<std::byte>> operands;
  std::vector<std::vector<std::byte>> changed_operands;  ///< by pipelines of their own
};

/// An operand's tensor, whole.
struct OperandTensor {
  DType dtype = DType::F32;
  std::span<const std::byte> bytes;
};

/// Runs `piece` over all its cells. Spans hold whole tensors; `operands` are those of the piece, in its order.
void move_piece(const CopyPiece& piece, std::span<const std::byte> source, std::span<const OperandTensor> operands,
                std::span<std::byte> target, Scratch& scratch);

/// Writes the number of `piece` into all its cells.
void fill(const FillPiece& piece, DType dtype, std::span<std::byte> target);

}  // namespace rulec
