// SPDX-License-Identifier: Apache-2.0
// Two passes: where memory does not hold a tensor, and its target lies along another axis, either the reads or the
// writes are short. Then the tensor is written once more, in chunks of which both ways take whole ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/plan/plan.h"

namespace rulec {

/// A source tensor that is cut anew before its cells are moved.
struct Recut {
  std::size_t source = 0;  ///< of PlanInput::sources
  Shape chunk;             ///< the extents of its new chunks
};

/// The source for which two passes are estimated to take much less time than one, with the chunks for it: a raw one
/// that lies in one piece and is larger than the memory; of many, the largest. If a strategy is forced, all for which
/// there are chunks, in their order.
std::vector<Recut> find_recuts(const PlanInput& input, const PlanOptions& options);

/// The plan of the first pass, which moves bytes alone. Targets are the sources, in the chunks of the writer: what is
/// read in one piece is written as one range, whose chunks follow one another there in C order. Errors: R0907.
Result<Plan> plan_first_pass(const PlanInput& input, const PlanOptions& options, Diagnostics& diags);

}  // namespace rulec
