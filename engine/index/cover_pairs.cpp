// SPDX-License-Identifier: Apache-2.0
#include "engine/index/cover_pairs.h"

#include <algorithm>
#include <utility>

namespace rulec {
namespace {

using Numbers = std::vector<std::uint32_t>;
using Cell = std::vector<std::int64_t>;

bool holds(const SetBox& box, const Cell& cell) {
  for (std::size_t axis = 0; axis < cell.size(); ++axis) {
    if (!box[axis].contains(cell[axis])) return false;
  }
  return true;
}

std::int64_t volume(const SetBox& box, std::size_t from_axis) {
  std::int64_t product = 1;
  for (std::size_t axis = from_axis; axis < box.size(); ++axis) product *= box[axis].size();
  return product;
}

std::int64_t volume(const std::vector<std::int64_t>& shape, std::size_t from_axis) {
  std::int64_t product = 1;
  for (std::size_t axis = from_axis; axis < shape.size(); ++axis) product *= shape[axis];
  return product;
}

/// Sets `cell` to the smallest cell of both boxes, if there is one and it is smaller than `bound`, if there is one.
bool common_below(const SetBox& a, const SetBox& b, const std::optional<Cell>& bound, Cell& cell) {
  bool is_below = !bound;
  for (std::size_t axis = 0; axis < a.size(); ++axis) {
    const std::optional<std::int64_t> x = first_common(a[axis], b[axis]);
    if (!x || (!is_below && *x > (*bound)[axis])) return false;
    is_below = is_below || *x < (*bound)[axis];
    cell[axis] = *x;
  }
  return is_below;
}

std::optional<Cell> first_shared(std::span<const SetBox> boxes, const Numbers& numbers, std::size_t rank) {
  // In the order of their first cells. What two boxes share is not before the first cell of either: a box that begins
  // behind the best cell, or behind the other's end along the first axis, ends the search.
  std::vector<std::pair<Cell, const SetBox*>> sorted;
  for (const std::uint32_t number : numbers) {
    Cell first;
    for (const IntervalSet& set : boxes[number]) first.push_back(set.first());
    sorted.emplace_back(std::move(first), &boxes[number]);
  }
  std::ranges::sort(sorted);
  std::optional<Cell> best;
  Cell cell(rank);
  for (auto a = sorted.begin(); a != sorted.end(); ++a) {
    const std::int64_t end = (*a->second)[0].intervals().back().end;
    for (auto b = a + 1; b != sorted.end(); ++b) {
      if (b->first[0] >= end || (best && b->first >= *best)) break;
      if (common_below(*a->second, *b->second, best, cell)) best = cell;
    }
  }
  return best;
}

std::optional<Overlap> find_overlap(std::span<const SetBox> boxes, const Numbers& numbers, std::size_t rank) {
  std::optional<Cell> cell = first_shared(boxes, numbers, rank);
  if (!cell) return std::nullopt;
  Numbers holders = numbers;
  std::erase_if(holders, [&](std::uint32_t number) { return !holds(boxes[number], *cell); });
  return Overlap{holders[0], holders[1], *std::move(cell)};
}

/// The smallest coordinate along `axis` whose cells the boxes, no two of which meet, do not fill.
std::int64_t first_unfilled(const std::vector<std::int64_t>& shape, std::span<const SetBox> boxes,
                            const Numbers& numbers, std::size_t axis) {
  std::vector<std::pair<std::int64_t, std::int64_t>>
      steps;  // at this coordinate, so many cells more or less are filled
  for (const std::uint32_t number : numbers) {
    const std::int64_t cells = volume(boxes[number], axis + 1);
    for (const auto& [begin, end] : boxes[number][axis].intervals()) {
      steps.emplace_back(begin, cells);
      steps.emplace_back(end, -cells);
    }
  }
  std::ranges::sort(steps);  // less before more, so that the count stays in range
  std::int64_t at = 0;
  std::int64_t filled = 0;
  for (const auto& [coordinate, cells] : steps) {
    if (at < coordinate && filled < volume(shape, axis + 1)) return at;
    at = coordinate;
    filled += cells;
  }
  return at;
}

}  // namespace

Cover cover_by_pairs(const std::vector<std::int64_t>& shape, std::span<const SetBox> boxes, const Numbers& numbers) {
  Cover cover;
  cover.overlap = find_overlap(boxes, numbers, shape.size());
  if (cover.overlap) return cover;
  std::int64_t missing = volume(shape, 0);
  for (const std::uint32_t number : numbers) missing -= volume(boxes[number], 0);
  if (missing == 0) return cover;
  Cell cell;
  Numbers left = numbers;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    cell.push_back(first_unfilled(shape, boxes, left, axis));
    std::erase_if(left, [&](std::uint32_t number) { return !boxes[number][axis].contains(cell[axis]); });
  }
  cover.hole = Hole{std::move(cell), {}, missing};
  return cover;
}

}  // namespace rulec
