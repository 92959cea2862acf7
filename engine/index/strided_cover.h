// SPDX-License-Identifier: Apache-2.0
// `judge_cover` for what rules make of a shape: along every dimension a piece holds cells in regular steps.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/index/cover.h"

namespace rulec {

/// The numbers offset + sum(position * stride) over all positions 0 <= position < extent of each axis, which are all
/// different. Empty if an extent is 0.
struct Progression {
  struct Axis {
    std::int64_t extent = 1;
    std::int64_t stride = 1;
    auto operator<=>(const Axis&) const = default;
  };
  std::int64_t offset = 0;
  std::vector<Axis> axes;

  auto operator<=>(const Progression&) const = default;

  bool empty() const;
  bool contains(std::int64_t x) const;

  /// How many intervals its numbers are, at most; the largest number there is if it is more than fits.
  std::int64_t runs() const;
};

/// The same numbers by the fewest axes, steepest first: what `(a b)` is together in is one axis.
Progression normalised(Progression progression);

/// A product of progressions, one a dimension.
using StridedBox = std::vector<Progression>;

/// Sets of no more intervals than this are taken as they are.
inline constexpr std::int64_t FewIntervals = 64;

/// Judges `boxes` against the box of `shape`, whose cells fit into 63 bits. Every box lies inside.
///
/// Where a set would take more than `few` intervals, its dimension is cut into the digits of a mixed radix in which the
/// sets are boxes: `(X g)` into X and g, however large X is. Nothing if there are no such digits and too many
/// intervals: then nothing is known. `Hole::along` may end early in a dimension that was cut.
std::optional<Cover> judge_cover(const std::vector<std::int64_t>& shape, std::span<const StridedBox> boxes,
                                 std::int64_t few = FewIntervals);

}  // namespace rulec
