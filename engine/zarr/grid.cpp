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

void split(const Shape& shape, const Shape& strides, Box prefix, std::int64_t begin, std::int64_t end,
           std::vector<Box>& out) {
  if (begin == end) return;
  const std::size_t axis = prefix.begin.size();
  const std::int64_t stride = strides[axis];
  std::int64_t first = begin / stride;
  const std::int64_t last = end / stride;
  const auto one_row = [&](std::int64_t at, std::int64_t from, std::int64_t to) {
    Box row = prefix;
    row.begin.push_back(at);
    row.end.push_back(at + 1);
    split(shape, strides, std::move(row), from, to, out);
  };
  if (first == last) return one_row(first, begin % stride, end % stride);
  if (begin % stride != 0) one_row(first++, begin % stride, stride);
  if (first < last) {
    Box whole = prefix;
    whole.begin.push_back(first);
    whole.end.push_back(last);
    for (std::size_t inner = axis + 1; inner < shape.size(); ++inner) {
      whole.begin.push_back(0);
      whole.end.push_back(shape[inner]);
    }
    out.push_back(std::move(whole));
  }
  if (end % stride != 0) one_row(last, 0, end % stride);
}

}  // namespace

Shape Box::shape() const {
  Shape extents(begin.size());
  std::ranges::transform(end, begin, extents.begin(), std::minus{});
  return extents;
}

Shape c_strides(const Shape& shape) {
  Shape strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0; stride *= std::max<std::int64_t>(shape[axis], 1)) {
    strides[axis] = stride;
  }
  return strides;
}

Shape position_of(std::int64_t index, const Shape& extents) {
  Shape position(extents.size());
  for (std::size_t axis = extents.size(); axis-- > 0; index /= extents[axis]) position[axis] = index % extents[axis];
  return position;
}

std::int64_t index_of(const Shape& position, const Shape& extents) {
  std::int64_t index = 0;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) index = index * extents[axis] + position[axis];
  return index;
}

bool advance(Shape& position, const Box& box) {
  for (std::size_t axis = position.size(); axis-- > 0;) {
    if (++position[axis] < box.end[axis]) return true;
    position[axis] = box.begin[axis];
  }
  return false;
}

std::vector<Box> boxes_of_range(const Shape& shape, std::int64_t begin, std::int64_t end) {
  std::vector<Box> out;
  split(shape, c_strides(shape), {}, begin, end, out);
  return out;
}

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
