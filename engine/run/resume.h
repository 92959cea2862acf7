// SPDX-License-Identifier: Apache-2.0
// How a run goes on with what one before it has left.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/plan/plan.h"
#include "engine/run/journal.h"
#include "engine/run/team.h"
#include "engine/store/resumable.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

struct CheckOptions {
  std::uint64_t memory_bytes = 0;  ///< at most so many are in memory, or what one thread needs if that is more
  int threads = 1;
  /// Called in the calling thread when more has been found to hold.
  std::function<void(const Team::Mark&)> on_progress;
};

/// Reads all that `journal` says was written, at the speed of the disk, and has those units done again of which the
/// files hold something else: what a loss of power has taken, or a disk that did not keep its word. `sink` was begun
/// again.
///
/// Errors: those of threads. Warnings: R0847 something does not hold.
Status check_written(const PlanInput& input, const Plan& plan, const ResumableSink& sink, const CheckOptions& options,
                     Journal& journal, Diagnostics& diags);

/// Tells the sink what the journal says is done; returns how many bytes that is.
std::uint64_t note_finished(const PlanInput& input, const Plan& plan, const Journal& journal, ResumableSink& sink);

}  // namespace rulec
