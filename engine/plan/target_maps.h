// SPDX-License-Identifier: Apache-2.0
// The pieces of target tensors by coordinates, to be cut wherever stores and memory want it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/graph/pieces.h"
#include "engine/tensor/cell_map.h"

namespace rulec {

struct TargetMaps {
  std::vector<CellMap> copies;         ///< one for each of TargetTensor::copies; nothing for those without cells
  std::vector<CellMap> fills;          ///< one for each of TargetTensor::fills, likewise
  std::vector<std::size_t> by_source;  ///< copies that have cells, in the order of their sources
  bool is_covered = true;              ///< by the pieces; else what they leave is zero
  std::vector<Box> reach;              ///< of the copies, where their cells lie in the target; none of one alone

  /// Whether a copy may have cells in a box of the target: there are targets of as many copies as boxes.
  bool reaches(std::size_t copy, const Box& box) const { return reach.empty() || overlap(reach[copy], box); }

  /// The copies that read a source.
  std::span<const std::size_t> copies_of(const TargetTensor& target, std::size_t source) const;
};

/// `sources` are the graph's.
TargetMaps maps_of(const TargetTensor& target, std::span<const TensorInfo> sources);

}  // namespace rulec
