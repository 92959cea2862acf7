// SPDX-License-Identifier: Apache-2.0
// Strided copies by coordinates, so that they can be cut: what of a copy lies within a box of its source or its target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/tensor/box.h"
#include "engine/tensor/strided.h"

#include <rulec/tensor.h>

namespace rulec {

/// One axis of a map: each position further moves so many steps along one axis of the source and one of the target.
struct MapAxis {
  /// A way along one axis of a tensor. Without an axis it stands still: one cell goes everywhere.
  struct Way {
    std::optional<std::size_t> axis;
    std::int64_t step = 0;

    bool operator==(const Way&) const = default;
  };

  std::int64_t extent = 1;
  Way source;
  Way target;
  std::int64_t first = 0;  ///< the position in the copy that the map was made of, which position 0 here is

  bool operator==(const MapAxis&) const = default;
};

/// Cells of a source tensor and where they go in a target tensor, both by coordinates.
struct CellMap {
  std::vector<MapAxis> axes;
  Shape source_origin;  ///< where position 0 of all axes lies
  Shape target_origin;

  std::int64_t cells() const;
  bool operator==(const CellMap&) const = default;
};

/// Which side of a map.
enum class MapEnd : std::uint8_t { Source, Target };

/// The copy between tensors of these shapes, one cell or more. Axes that run over several axes of a tensor are taken
/// apart; a stride of 0 stands still. If the copy has operands, its axes run over one each and stay what they are.
CellMap cell_map(const StridedCopy& copy, const Shape& source, const Shape& target);

/// What of `map` lies within `box` at one end: maps that share no cell, as few as its axes allow; none if nothing does.
std::vector<CellMap> restricted(const CellMap& map, MapEnd end, const Box& box);

/// The smallest box that holds all cells of the map at one end.
Box bounds(const CellMap& map, MapEnd end);

/// Where a box of a tensor lies in memory: coordinates of the first element there, and how far apart neighbours are.
struct Placement {
  Shape begin;
  Shape strides;  ///< in elements
};

/// The map as a copy between two places, its axes those of the map.
StridedCopy placed(const CellMap& map, const Placement& source, const Placement& target);

}  // namespace rulec
