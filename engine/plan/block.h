// SPDX-License-Identifier: Apache-2.0
// What is read or written as one: a box of a chunk, and how it lies in its file and in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/tensor/box.h"
#include "engine/tensor/cell_map.h"

#include <rulec/tensor.h>

namespace rulec {

struct Block {
  std::size_t tensor = 0;  ///< of Graph::sources or Graph::targets
  Shape chunk;             ///< its position in the tensor's grid of chunks
  Box box;                 ///< the cells that are wanted, by coordinates of the tensor
  /// What its buffer has, if not just those: all of the chunk, beyond the edge too. Most blocks go without, and there
  /// are as many as tensors.
  std::optional<Box> wider{};
  /// Where its buffer begins in one that it shares with others, in bytes.
  std::uint64_t at = 0;

  /// The cells that its buffer has, in C order.
  const Box& memory() const { return wider ? *wider : box; }
};

inline Placement placement(const Block& block) {
  return {block.memory().begin, c_strides(block.memory().shape())};
}

/// Bytes of its buffer.
std::uint64_t buffer_bytes(const Block& block, DType dtype);

/// Where the bytes of a buffer lie in their chunk: runs of one length, which follow one another in the buffer.
struct Runs {
  struct Axis {
    std::int64_t extent = 1;
    std::uint64_t stride = 0;  ///< in bytes
  };
  std::uint64_t offset = 0;  ///< of the first one, in bytes from the chunk's beginning
  std::uint64_t bytes = 0;   ///< of each
  std::vector<Axis> axes;    ///< the slowest first; none: one run

  std::uint64_t count() const;
};

Runs runs_of(const Block& block, const Shape& chunk_shape, DType dtype);

/// Calls `use(offset in the chunk, offset in the buffer)` for each run until it fails.
template <class Use>
bool for_each_run(const Runs& runs, const Use& use) {
  std::vector<std::int64_t> at(runs.axes.size());
  std::uint64_t from = runs.offset;
  const std::uint64_t count = runs.count();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!use(from, i * runs.bytes)) return false;
    for (std::size_t a = at.size(); a-- > 0;) {
      from += runs.axes[a].stride;
      if (++at[a] < runs.axes[a].extent) break;
      from -= runs.axes[a].stride * static_cast<std::uint64_t>(runs.axes[a].extent);
      at[a] = 0;
    }
  }
  return true;
}

/// How long the runs of a box are in a chunk of this shape, which it lies within, in cells.
std::int64_t run_cells(const Shape& box, const Shape& chunk_shape);

/// `box`, as far as each chunk of a tensor has it, with buffers of just that. In C order of the chunks.
std::vector<Block> blocks_of(std::size_t tensor, const Box& box, const Shape& chunk_shape);

/// The cells of the chunk at `chunk` of the grid, beyond the edge of the tensor too.
Box cells_of_chunk(const Shape& chunk, const Shape& chunk_shape);

/// Whether `block` wants all of its chunk that lies in a tensor of `shape`.
bool fills_chunk(const Block& block, const Shape& chunk_shape, const Shape& shape);

/// All of the chunk that `block` is of, its cells beyond the edge too, in the buffer.
Block whole_chunk(Block block, const Shape& chunk_shape);

/// The block cut along its slowest axes into blocks with buffers of at most `bytes`, a cell at least.
std::vector<Block> cut(const Block& block, DType dtype, std::uint64_t bytes);

}  // namespace rulec
