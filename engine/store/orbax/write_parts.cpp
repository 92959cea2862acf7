// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/write_parts.h"

#include <algorithm>

namespace rulec::orbax {
namespace {

// As an array of bytes: the last axis counts them, and there is one if there was none.
Shape in_bytes(Shape shape, std::size_t element_bytes) {
  if (shape.empty()) shape.push_back(1);
  shape.back() *= static_cast<std::int64_t>(element_bytes);
  return shape;
}

Box chunks_of(const Box& cells, const Shape& chunk) {
  Box chunks = cells;
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    chunks.begin[axis] /= chunk[axis];
    chunks.end[axis] = divided_up(chunks.end[axis], chunk[axis]);
  }
  return chunks;
}

}  // namespace

bool for_each_part(const zarr::ArrayLayout& layout, std::uint64_t offset, std::uint64_t size,
                   const std::function<bool(const ChunkPart&)>& use) {
  const zarr::ArrayMetadata& array = layout.metadata();
  const std::size_t element = zarr::element_bytes(array.type);
  const Shape whole = in_bytes(array.shape, element);
  const Shape chunk = in_bytes(array.chunk_shape, element);
  const Shape from = c_strides(whole);
  const Shape to = c_strides(chunk);
  Shape grid(whole.size());
  std::ranges::transform(whole, chunk, grid.begin(), std::divides{});
  const auto first = static_cast<std::int64_t>(offset);
  for (const Box& cells : boxes_of_range(whole, first, first + static_cast<std::int64_t>(size))) {
    const Box chunks = chunks_of(cells, chunk);
    Shape position = chunks.begin;
    do {
      ChunkPart part{index_of(position, grid), {.axes = {}, .source_offset = -first, .target_offset = 0}};
      for (std::size_t axis = 0; axis < whole.size(); ++axis) {
        const std::int64_t origin = position[axis] * chunk[axis];
        const std::int64_t begin = std::max(cells.begin[axis], origin);
        const std::int64_t end = std::min(cells.end[axis], origin + chunk[axis]);
        part.copy.axes.push_back({end - begin, from[axis], to[axis]});
        part.copy.source_offset += begin * from[axis];
        part.copy.target_offset += (begin - origin) * to[axis];
      }
      if (!use(part)) return false;
    } while (advance(position, chunks));
  }
  return true;
}

}  // namespace rulec::orbax
