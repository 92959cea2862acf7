// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "engine/tensor/strided.h"

namespace rulec {

/// The two sides of a matrix, each an axis or several that number its positions in turn, slowest first. Position `i` of
/// `columns` is `i * columns.back().source_stride` in the source, and position `i` of `rows` is
/// `i * rows.back().target_stride` in the target; on the other side they may lie anywhere. Fastest with both strides 1.
struct Transpose {
  std::span<const StridedAxis> rows;     ///< one behind the other in the target
  std::span<const StridedAxis> columns;  ///< one behind the other in the source
};

/// Moves every cell of `transpose`, elements of `element_bytes` (1, 2, 4, 8 or 16). `streams` says that the target will
/// not be read soon: it is then written past the caches, as a large copy is, and `end_streams` has to follow.
void copy_transposed(const Transpose& transpose, int element_bytes, bool streams, const std::byte* source,
                     std::byte* target);

}  // namespace rulec
