// SPDX-License-Identifier: Apache-2.0
// What is left of a graph once every piece is one strided copy with one scalar function: each element is read once and
// written once, whatever the rules say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/graph/graph.h"

namespace rulec {

/// A tensor that is read element by element beside the copy: one entry for each axis of the copy.
struct CopyOperand {
  std::size_t source = 0;  ///< of Graph::sources
  std::int64_t offset = 0;
  std::vector<OperandAxis> axes;
  Pipeline pipeline;  ///< runs on what is gathered, before the piece's own pipeline reads it
  Types types;        ///< of that pipeline
};

/// Cells of one source tensor, run through a pipeline, put into the target.
struct CopyPiece {
  std::size_t source = 0;  ///< of Graph::sources
  StridedCopy copy;        ///< slowest target stride first; in the fewest axes if there are no operands
  Pipeline pipeline;       ///< its operands are those below, by number
  Types types;
  std::vector<CopyOperand> operands;
};

/// Cells that hold one number, whatever the source: padding, constants. Source strides are 0.
struct FillPiece {
  std::array<std::byte, 8> element{};  ///< the first bytes are the number, in the target's dtype
  StridedCopy copy;
};

/// A target tensor and all of its pieces.
struct TargetTensor {
  TensorInfo info;
  std::vector<CopyPiece> copies;
  std::vector<FillPiece> fills;
};

/// The pieces of every target of `graph`, in its order.
std::vector<TargetTensor> simplify(const Graph& graph);

}  // namespace rulec
