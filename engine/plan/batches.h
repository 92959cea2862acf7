// SPDX-License-Identifier: Apache-2.0
// What is small costs more than its bytes when it is read or written by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/plan/drafts.h"
#include "engine/plan/plan.h"

namespace rulec {

/// The drafts, where those of small targets that follow one another in a file are one, as large as a load: a batch. In
/// no order.
std::vector<UnitDraft> batched(std::vector<UnitDraft> drafts, const PlanInput& input, const PlanOptions& options);

/// The loads that read these raw blocks: each its own, but for small ones that lie near each other in a file.
std::vector<Load> raw_loads(std::vector<Block> blocks, const PlanInput& input, const PlanOptions& options);

}  // namespace rulec
