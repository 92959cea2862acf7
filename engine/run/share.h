// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/plan/plan.h"

#include <rulec/convert.h>

namespace rulec {

/// What one of several runs does of a plan.
struct Share {
  std::vector<bool> units;  ///< by unit, whether it is in it
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
};

/// The share of `part`. Shares are ranges of the plan, so that each reads a part of the source, and nearly equal by the
/// bytes that they read and write. Of a plan of few units some may be empty.
Share share_of(const PlanInput& input, const Plan& plan, const Part& part);

}  // namespace rulec
