// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/cell_map.h"

#include <algorithm>
#include <utility>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

const MapAxis::Way& way(const MapAxis& axis, MapEnd end) {
  return end == MapEnd::Source ? axis.source : axis.target;
}

const Shape& origin(const CellMap& map, MapEnd end) {
  return end == MapEnd::Source ? map.source_origin : map.target_origin;
}

/// How many positions of stride `stride` stay within one axis of `shape`, and which way they go there.
struct Leg {
  std::int64_t extent = 1;
  MapAxis::Way way;
};

Leg leg_of(std::int64_t stride, std::int64_t extent, const Shape& shape) {
  if (stride == 0) return {extent, {}};
  std::int64_t unit = 1;  // the stride of the axis
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (stride < unit * shape[axis]) {
      const std::int64_t step = stride / unit;
      RULEC_ASSERT(stride % unit == 0);
      if ((extent - 1) * step < shape[axis]) return {extent, {axis, step}};
      RULEC_ASSERT(shape[axis] % step == 0 && extent % (shape[axis] / step) == 0);
      return {shape[axis] / step, {axis, step}};
    }
    unit *= shape[axis];
  }
  RULEC_ASSERT(extent == 1);
  return {extent, {}};
}

/// Positions of one axis of a map.
struct Range {
  std::size_t axis = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
using Ranges = std::vector<Range>;

/// Ranges of `axes`, widest step first, that together are the positions whose steps add up to a number of [low, high).
void split(const std::vector<std::pair<std::size_t, std::int64_t>>& axes, const CellMap& map, std::size_t at,
           std::int64_t low, std::int64_t high, Ranges& prefix, std::vector<Ranges>& out) {
  if (at == axes.size()) {
    if (low <= 0 && 0 < high) out.push_back(prefix);
    return;
  }
  const auto [axis, step] = axes[at];
  const std::int64_t extent = map.axes[axis].extent;
  std::int64_t inner = 0;  // the furthest that the axes behind it go
  for (std::size_t i = at + 1; i < axes.size(); ++i) inner += (map.axes[axes[i].first].extent - 1) * axes[i].second;
  const auto floor = [&](std::int64_t x) { return x < 0 ? -divided_up(-x, step) : x / step; };
  const auto ceiling = [&](std::int64_t x) { return -floor(-x); };
  // Positions that reach the range, and those that lie within it wherever the axes behind are.
  const std::int64_t first = std::max<std::int64_t>(0, ceiling(low - inner));
  const std::int64_t last = std::min(extent - 1, floor(high - 1));
  const std::int64_t whole_first = std::max(first, ceiling(low));
  const std::int64_t whole_last = std::min(last, floor(high - 1 - inner));
  const auto partly = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t x = from; x <= to; ++x) {
      prefix.push_back({axis, x, x + 1});
      split(axes, map, at + 1, low - x * step, high - x * step, prefix, out);
      prefix.pop_back();
    }
  };
  if (whole_first > whole_last) return partly(first, last);
  partly(first, whole_first - 1);
  Ranges whole = prefix;
  whole.push_back({axis, whole_first, whole_last + 1});
  for (std::size_t i = at + 1; i < axes.size(); ++i)
    whole.push_back({axes[i].first, 0, map.axes[axes[i].first].extent});
  out.push_back(std::move(whole));
  partly(whole_last + 1, last);
}

/// The positions whose coordinate along one axis of a tensor is in [begin, end).
std::vector<Ranges> ranges_within(const CellMap& map, MapEnd end, std::size_t tensor_axis, std::int64_t first,
                                  std::int64_t last) {
  std::vector<std::pair<std::size_t, std::int64_t>> axes;
  for (std::size_t a = 0; a < map.axes.size(); ++a) {
    if (way(map.axes[a], end).axis == tensor_axis) axes.emplace_back(a, way(map.axes[a], end).step);
  }
  std::ranges::stable_sort(axes, [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::int64_t start = origin(map, end)[tensor_axis];
  std::vector<Ranges> out;
  Ranges prefix;
  split(axes, map, 0, first - start, last - start, prefix, out);
  return out;
}

CellMap narrowed(CellMap map, const Ranges& ranges) {
  for (const Range& range : ranges) {
    MapAxis& axis = map.axes[range.axis];
    if (axis.source.axis) map.source_origin[*axis.source.axis] += range.begin * axis.source.step;
    if (axis.target.axis) map.target_origin[*axis.target.axis] += range.begin * axis.target.step;
    axis.first += range.begin;
    axis.extent = range.end - range.begin;
  }
  return map;
}

}  // namespace

std::int64_t CellMap::cells() const {
  std::int64_t count = 1;
  for (const MapAxis& axis : axes) count *= axis.extent;
  return count;
}

CellMap cell_map(const StridedCopy& copy, const Shape& source, const Shape& target) {
  CellMap map{{}, position_of(copy.source_offset, source), position_of(copy.target_offset, target)};
  for (const StridedAxis& axis : copy.axes) {
    StridedAxis rest = axis;
    const std::size_t at = map.axes.size();
    do {
      const Leg from = leg_of(rest.source_stride, rest.extent, source);
      const Leg to = leg_of(rest.target_stride, rest.extent, target);
      // The shorter leg is a part of the longer one, or has nothing to do with it: then neither shape holds the axis.
      const std::int64_t extent = std::min(from.extent, to.extent);
      RULEC_ASSERT(rest.extent % extent == 0);
      map.axes.insert(map.axes.begin() + static_cast<std::ptrdiff_t>(at), {extent, from.way, to.way, 0});
      rest = {rest.extent / extent, rest.source_stride * extent, rest.target_stride * extent};
    } while (rest.extent > 1);
  }
  return map;
}

std::vector<CellMap> restricted(const CellMap& map, MapEnd end, const Box& box) {
  std::vector<CellMap> maps = {map};
  for (std::size_t axis = 0; axis < box.begin.size() && !maps.empty(); ++axis) {
    // The axes of a map go along one axis of a tensor each, so that what is cut along one is whole along the others.
    const std::vector<Ranges> found = ranges_within(map, end, axis, box.begin[axis], box.end[axis]);
    std::vector<CellMap> next;
    for (const CellMap& one : maps) {
      for (const Ranges& ranges : found) next.push_back(narrowed(one, ranges));
    }
    maps = std::move(next);
  }
  return maps;
}

Box bounds(const CellMap& map, MapEnd end) {
  Box box{origin(map, end), origin(map, end)};
  for (const MapAxis& axis : map.axes) {
    if (const MapAxis::Way& along = way(axis, end); along.axis) box.end[*along.axis] += (axis.extent - 1) * along.step;
  }
  for (std::int64_t& last : box.end) ++last;
  return box;
}

StridedCopy placed(const CellMap& map, const Placement& source, const Placement& target) {
  StridedCopy copy;
  for (std::size_t a = 0; a < map.source_origin.size(); ++a) {
    copy.source_offset += (map.source_origin[a] - source.begin[a]) * source.strides[a];
  }
  for (std::size_t a = 0; a < map.target_origin.size(); ++a) {
    copy.target_offset += (map.target_origin[a] - target.begin[a]) * target.strides[a];
  }
  const auto stride = [](const MapAxis::Way& along, const Placement& place) {
    return along.axis ? along.step * place.strides[*along.axis] : 0;
  };
  for (const MapAxis& axis : map.axes) {
    copy.axes.push_back({axis.extent, stride(axis.source, source), stride(axis.target, target)});
  }
  return copy;
}

}  // namespace rulec
