// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rulec::zarr {
namespace {

Box clipped_box(const Shape& position, const Shape& cell, const Shape& shape) {
  Box box;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    box.begin.push_back(position[axis] * cell[axis]);
    // Not `begin + cell`, which may overflow.
    box.end.push_back(box.begin[axis] + std::min(cell[axis], shape[axis] - box.begin[axis]));
  }
  return box;
}

}  // namespace

Grid::Grid(const ArrayMetadata& array)
    : shape_(array.shape),
      value_shape_(array.value_shape),
      chunk_shape_(array.chunk_shape),
      has_prefix_(array.has_prefix),
      separator_(array.separator) {
  for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
    value_grid_.push_back(divided_up(shape_[axis], value_shape_[axis]));
    chunk_grid_.push_back(divided_up(shape_[axis], chunk_shape_[axis]));
    slot_grid_.push_back(value_shape_[axis] / chunk_shape_[axis]);
  }
}

std::int64_t Grid::cells_of(const Shape& grid) {
  std::int64_t count = 1;
  for (const std::int64_t extent : grid) count *= extent;
  return count;
}

Box Grid::chunk_box(const Shape& chunk) const {
  return clipped_box(chunk, chunk_shape_, shape_);
}

Box Grid::value_box(const Shape& value) const {
  return clipped_box(value, value_shape_, shape_);
}

Box Grid::chunks_of(const Shape& value) const {
  return clipped_box(value, slot_grid_, chunk_grid_);
}

Shape Grid::value_of(const Shape& chunk) const {
  Shape value(chunk.size());
  std::ranges::transform(chunk, slot_grid_, value.begin(), std::divides{});
  return value;
}

std::int64_t Grid::slot_of(const Shape& chunk) const {
  Shape slot(chunk.size());
  std::ranges::transform(chunk, slot_grid_, slot.begin(), std::modulus{});
  return index_of(slot, slot_grid_);
}

std::string Grid::key(const Shape& value) const {
  const std::string separator(1, separator_);
  if (value.empty()) return has_prefix_ ? "c" : "0";
  return (has_prefix_ ? "c" + separator : "") + fmt::format("{}", fmt::join(value, separator));
}

// A position has one key, so nothing else that reads as the position is one.
bool Grid::has_key(std::string_view key) const {
  std::string_view rest = key.substr(std::min<std::size_t>(key.size(), has_prefix_ ? 2 : 0));
  Shape position;
  while (position.size() < value_grid_.size()) {
    const std::string_view word = rest.substr(0, rest.find(separator_));
    std::int64_t number = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), number).ec != std::errc() || number < 0) return false;
    position.push_back(number);
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return std::ranges::equal(position, value_grid_, std::less{}) && this->key(position) == key;
}

}  // namespace rulec::zarr
