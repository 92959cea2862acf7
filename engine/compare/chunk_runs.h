// SPDX-License-Identifier: Apache-2.0
// Where cells of a chunk lie in their tensor.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/tensor/box.h"

#include <rulec/tensor.h>

namespace rulec {

/// Calls `use(first cell in the tensor, first cell in the chunk, cells)` for each run of the cells [begin, end) of a
/// chunk (C order) that lie together in the tensor too. Cells beyond the tensor's edge are in none.
template <class Use>
void each_run_in_tensor(const Shape& shape, const Shape& chunk_shape, const Shape& chunk, std::int64_t begin,
                        std::int64_t end, const Use& use) {
  if (begin >= end) return;
  // A run is some of the last axes whole, and of one more what the chunk has of it.
  std::size_t split = shape.size();
  std::int64_t behind = 1;  // cells of those axes
  while (split > 0 && chunk_shape[split - 1] == shape[split - 1]) behind *= shape[--split];
  if (split == 0) return use(begin, begin, end - begin);  // the chunk is the tensor
  const std::size_t axis = split - 1;
  const std::int64_t run = chunk_shape[axis] * behind;
  const std::int64_t there = std::min(chunk_shape[axis], shape[axis] - chunk[axis] * chunk_shape[axis]) * behind;
  const Shape strides = c_strides(shape);
  const Shape rows(chunk_shape.begin(), chunk_shape.begin() + static_cast<std::ptrdiff_t>(axis));
  for (std::int64_t row = begin / run; row * run < end; ++row) {
    const Shape at = position_of(row, rows);
    std::int64_t first = chunk[axis] * run;
    bool is_in = true;
    for (std::size_t a = 0; a < axis; ++a) {
      const std::int64_t x = chunk[a] * chunk_shape[a] + at[a];
      is_in = is_in && x < shape[a];
      first += x * strides[a];
    }
    const std::int64_t from = std::max(begin - row * run, std::int64_t{0});
    const std::int64_t to = std::min(end - row * run, there);
    if (is_in && from < to) use(first + from, row * run + from, to - from);
  }
}

}  // namespace rulec
