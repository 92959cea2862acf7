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
using Box = std::vector<IntervalSet>;

struct Overlap {
  std::size_t first = 0;   ///< numbers of two boxes that meet, the smaller first
  std::size_t second = 0;
  std::vector<std::int64_t> cell;  ///< the smallest cell that both hold, row-major order
};

struct Hole {
  std::vector<std::int64_t> cell;  ///< the smallest cell that no box holds, row-major order
  /// Along each axis, what is missing there while the other coordinates are those of `cell`.
  Box along;
  std::int64_t cells = 0;  ///< how many cells are missing in all
};

struct Cover {
  std::optional<Overlap> overlap;
  std::optional<Hole> hole;
};

/// Judges `boxes` against the box of `shape`. Every box lies inside. Cost grows with the number of boxes, not of cells: along each
/// axis the sets are cut into classes of coordinates that no set tells apart.
Cover judge_cover(const std::vector<std::int64_t>& shape, std::span<const Box> boxes);

}  // namespace rulec
