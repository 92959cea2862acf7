// SPDX-License-Identifier: Apache-2.0
// Where the chunks of an array lie, and under which keys. Arithmetic alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/box.h"
#include "engine/zarr/metadata.h"

#include <rulec/tensor.h>

namespace rulec::zarr {

/// The chunks that touch an array and the values they are stored in, both numbered in C order of their grids. Without
/// shards, a value is one chunk.
class Grid {
 public:
  /// Of an array whose sizes were checked.
  explicit Grid(const ArrayMetadata& array);

  std::int64_t chunks() const { return cells_of(chunk_grid_); }
  std::int64_t values() const { return cells_of(value_grid_); }
  /// Chunks that a whole value holds, those beyond the array's edge among them.
  std::int64_t slots() const { return cells_of(slot_grid_); }

  const Shape& chunk_grid() const { return chunk_grid_; }
  const Shape& value_grid() const { return value_grid_; }

  /// The cells of a chunk, by its position in the grid, or of a value: as far as they are the array's.
  Box chunk_box(const Shape& chunk) const;
  Box value_box(const Shape& value) const;
  /// The chunks of a value that touch the array.
  Box chunks_of(const Shape& value) const;

  /// The position of the value that holds a chunk, and the number of the chunk in it, in C order of all its slots.
  Shape value_of(const Shape& chunk) const;
  std::int64_t slot_of(const Shape& chunk) const;

  /// The key of a value, relative to the array: `c/0/1`, `0.1`, `c`, `0`.
  std::string key(const Shape& value) const;
  /// Whether `key` is one that a value of the array has.
  bool has_key(std::string_view key) const;

 private:
  static std::int64_t cells_of(const Shape& grid);

  Shape shape_;
  Shape value_shape_;
  Shape chunk_shape_;
  Shape value_grid_;
  Shape chunk_grid_;
  Shape slot_grid_;
  bool has_prefix_;
  char separator_;
};

}  // namespace rulec::zarr
