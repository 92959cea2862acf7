// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/plan/plan.h"

namespace rulec {

/// What a plan does for one target tensor.
struct TargetSummary {
  std::size_t target = 0;  ///< of PlanInput::targets
  Strategy strategy = Strategy::Stream;
  std::size_t parts = 0;         ///< units that write to it
  std::size_t loads = 0;         ///< of those units
  std::uint64_t read_run = 0;    ///< of its sources, the shortest range that is read at once, in bytes
  std::uint64_t write_run = 0;   ///< likewise
  std::uint64_t part_bytes = 0;  ///< the most of it that is in memory at once
};

/// One row a target that has cells, in the order of the input.
std::vector<TargetSummary> summarise(const PlanInput& input, const Plan& plan);

}  // namespace rulec
