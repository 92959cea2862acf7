// SPDX-License-Identifier: Apache-2.0
// Boxes of cells, and the order that cells are numbered in. Arithmetic alone.
#pragma once

#include <cstdint>
#include <vector>

#include <rulec/tensor.h>

namespace rulec {

inline std::int64_t divided_up(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

/// Half-open ranges, one an axis.
struct Box {
  Shape begin;
  Shape end;

  Shape shape() const;
  bool operator==(const Box&) const = default;
};

/// Whether two boxes of one array share a cell.
bool overlap(const Box& a, const Box& b);

/// How far apart neighbours along each axis lie in C order, in elements.
Shape c_strides(const Shape& shape);

/// The position of number `index` in C order of a grid of these extents, and back.
Shape position_of(std::int64_t index, const Shape& extents);
std::int64_t index_of(const Shape& position, const Shape& extents);

/// Moves `position` to the next one of `box` in C order; false if it was the last.
bool advance(Shape& position, const Box& box);

/// The boxes, in C order, that together are the cells [begin, end) of an array of `shape`, one axis or more: at most
/// twice as many as axes.
std::vector<Box> boxes_of_range(const Shape& shape, std::int64_t begin, std::int64_t end);

}  // namespace rulec
