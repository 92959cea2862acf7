// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/block.h"

#include <algorithm>
#include <utility>

#include "engine/tensor/element_bytes.h"

namespace rulec {

std::uint64_t buffer_bytes(const Block& block, DType dtype) {
  return bytes_of(dtype, *cells(block.memory().shape()));
}

std::uint64_t Runs::count() const {
  std::uint64_t count = 1;
  for (const Axis& axis : axes) count *= static_cast<std::uint64_t>(axis.extent);
  return count;
}

std::int64_t run_cells(const Shape& box, const Shape& chunk_shape) {
  std::int64_t run = 1;
  for (std::size_t axis = box.size(); axis-- > 0;) {
    run *= box[axis];
    if (box[axis] != chunk_shape[axis]) break;
  }
  return run;
}

Runs runs_of(const Block& block, const Shape& chunk_shape, DType dtype) {
  const Shape extents = block.memory().shape();
  const Shape strides = c_strides(chunk_shape);
  Runs runs;
  std::int64_t first = 0;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    first += (block.memory().begin[axis] - block.chunk[axis] * chunk_shape[axis]) * strides[axis];
  }
  runs.offset = bytes_of(dtype, first);
  const std::int64_t run = run_cells(extents, chunk_shape);
  runs.bytes = bytes_of(dtype, run);
  std::int64_t inner = 1;
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    inner *= extents[axis];
    if (inner <= run || extents[axis] == 1) continue;
    runs.axes.insert(runs.axes.begin(), {extents[axis], bytes_of(dtype, strides[axis])});
  }
  return runs;
}

std::vector<Block> blocks_of(std::size_t tensor, const Box& box, const Shape& chunk_shape) {
  Box chunks = box;
  for (std::size_t axis = 0; axis < chunk_shape.size(); ++axis) {
    if (box.begin[axis] >= box.end[axis]) return {};
    chunks.begin[axis] /= chunk_shape[axis];
    chunks.end[axis] = divided_up(chunks.end[axis], chunk_shape[axis]);
  }
  std::vector<Block> blocks;
  Shape chunk = chunks.begin;
  do {
    Box part = box;
    for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
      const std::int64_t begin = chunk[axis] * chunk_shape[axis];
      part.begin[axis] = std::max(part.begin[axis], begin);
      if (box.end[axis] - begin > chunk_shape[axis]) part.end[axis] = begin + chunk_shape[axis];
    }
    blocks.push_back({tensor, chunk, std::move(part)});
  } while (advance(chunk, chunks));
  return blocks;
}

Box cells_of_chunk(const Shape& chunk, const Shape& chunk_shape) {
  Box all{chunk, chunk};
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    all.begin[axis] *= chunk_shape[axis];
    all.end[axis] = all.begin[axis] + chunk_shape[axis];
  }
  return all;
}

bool fills_chunk(const Block& block, const Shape& chunk_shape, const Shape& shape) {
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::int64_t begin = block.chunk[axis] * chunk_shape[axis];
    if (block.box.begin[axis] != begin || block.box.end[axis] != std::min(begin + chunk_shape[axis], shape[axis]))
      return false;
  }
  return true;
}

Block whole_chunk(Block block, const Shape& chunk_shape) {
  block.wider.reset();
  if (Box all = cells_of_chunk(block.chunk, chunk_shape); all != block.box) block.wider = std::move(all);
  return block;
}

std::vector<Block> cut(const Block& block, DType dtype, std::uint64_t bytes) {
  const Shape extents = block.box.shape();
  const std::uint64_t all = buffer_bytes(block, dtype);
  const auto axis = static_cast<std::size_t>(
      std::ranges::find_if(extents, [](std::int64_t extent) { return extent > 1; }) - extents.begin());
  if (all <= bytes || axis == extents.size()) return {block};
  const std::uint64_t row = all / static_cast<std::uint64_t>(extents[axis]);
  const auto step = static_cast<std::int64_t>(std::max<std::uint64_t>(1, bytes / std::max<std::uint64_t>(row, 1)));
  std::vector<Block> parts;
  for (std::int64_t begin = block.box.begin[axis]; begin < block.box.end[axis]; begin += step) {
    Block part = block;
    part.box.begin[axis] = begin;
    part.box.end[axis] = std::min(begin + step, block.box.end[axis]);
    part.wider.reset();
    std::ranges::move(cut(part, dtype, bytes), std::back_inserter(parts));
  }
  return parts;
}

}  // namespace rulec
