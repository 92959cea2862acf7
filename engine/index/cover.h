// SPDX-License-Identifier: Apache-2.0
// Do boxes cover a box, each cell once? Exactly, with the smallest witness where not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/index/interval_set.h"

namespace rulec {

/// A product of sets, one an axis.
using SetBox = std::vector<IntervalSet>;

struct Overlap {
  std::size_t first = 0;  ///< numbers of two boxes that hold `cell`: the smallest number, and the next
  std::size_t second = 0;
  std::vector<std::int64_t> cell;  ///< the smallest cell that two boxes hold, row-major order
};

struct Hole {
  std::vector<std::int64_t> cell;  ///< the smallest cell that no box holds, row-major order
  /// Along each axis, what is missing there while the other coordinates are those of `cell`.
  SetBox along;
  std::int64_t cells = 0;  ///< how many cells are missing in all
};

/// Both are empty if and only if every cell lies in exactly one box.
struct Cover {
  std::optional<Overlap> overlap;
  std::optional<Hole> hole;
};

/// How many visits of boxes `judge_cover` pays for cutting: about half a second.
inline constexpr std::size_t CoverEffort = std::size_t{1} << 22;

/// Judges `boxes` against the box of `shape`, whose cells fit into 63 bits. Every box lies inside.
///
/// Cost is about linear in the number of boxes, whatever the number of cells, where some axis keeps boxes apart, as in
/// all that rules make of indices. Other boxes cost more, up to `effort`; then their pairs are compared, and the one
/// thing that is left out is a hole behind an overlap (to find it is as hard as DNF tautology).
Cover judge_cover(const std::vector<std::int64_t>& shape, std::span<const SetBox> boxes,
                  std::size_t effort = CoverEffort);

}  // namespace rulec
