// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/box.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace rulec {
namespace {

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

bool overlap(const Box& a, const Box& b) {
  for (std::size_t axis = 0; axis < a.begin.size(); ++axis) {
    if (a.end[axis] <= b.begin[axis] || b.end[axis] <= a.begin[axis]) return false;
  }
  return true;
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

}  // namespace rulec
