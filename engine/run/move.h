// SPDX-License-Identifier: Apache-2.0
// Moves cells of one piece from a source buffer into a target buffer.
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

/// Some of a piece's cells, as they lie in the two buffers.
struct PiecePart {
  StridedCopy copy;                 ///< axes are the piece's, if it has operands
  std::vector<std::int64_t> first;  ///< by axis, at which of the piece's positions the part begins
};

/// Runs what `piece` does over some of its cells. `operands` are those of the piece, in its order, whole tensors.
void move_cells(const CopyPiece& piece, const PiecePart& part, std::span<const std::byte> source,
                std::span<const OperandTensor> operands, std::span<std::byte> target, Scratch& scratch);

}  // namespace rulec
