// SPDX-License-Identifier: Apache-2.0
// Targets cut into parts, each for itself; those that can only be made together are one.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "engine/plan/loads.h"
#include "engine/plan/plan.h"

namespace rulec {

/// A unit whose loads are not worked out yet.
struct UnitDraft {
  Strategy strategy = Strategy::Stream;
  std::vector<Block> targets;
  std::optional<StoredRange> range;  // of a batch
  std::vector<SourceBox> boxes;
  std::vector<Unit::Reader> readers;
  std::set<std::size_t> operands;                              // sources
  StoredAt place{std::numeric_limits<std::size_t>::max(), 0};  // of its first byte
};

/// The plan that does these drafts, in their order. Errors: R0907.
Result<Plan> make_plan(const PlanInput& input, const PlanOptions& options, std::vector<UnitDraft> drafts,
                       Diagnostics& diags);

/// Every cell of every target is in one block of one draft. In the order in which their sources lie in the files.
std::vector<UnitDraft> draft_units(const PlanInput& input, const PlanOptions& options);

}  // namespace rulec
