// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/graph/pieces.h"

namespace rulec {

/// The copies of one target that read the same source tensor, which is in memory for them, and so are their operands.
struct Visit {
  std::size_t source = 0;             ///< of Graph::sources
  std::vector<std::size_t> copies;    ///< of TargetTensor::copies
  std::vector<std::size_t> operands;  ///< sources, each once
};

/// The visits of a target, in the order of the sources.
std::vector<Visit> visits_of(const TargetTensor& target);

/// An order of the targets in which those that share a source, directly or by way of others, come one after another:
/// what is read for one is let go of soon. Otherwise in the order given.
std::vector<std::size_t> target_order(std::span<const TargetTensor> targets, std::size_t source_count);

}  // namespace rulec
