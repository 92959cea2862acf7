// SPDX-License-Identifier: Apache-2.0
// The work of a plan, shared out among threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/plan/plan.h"
#include "engine/run/journal.h"
#include "engine/run/team.h"
#include "engine/run/timeline.h"

#include <rulec/diagnostics.h>

namespace rulec {

struct WorkOptions {
  std::uint64_t memory_bytes = 0;  ///< at least the plan's `needed_bytes`
  int threads = 1;
  std::vector<bool> done_before{};  ///< by unit; empty: none
  Journal* journal = nullptr;       ///< for what is done, from time to time; or null
  bool notes_all = false;           ///< all of it, before `do_work` returns
  Timeline* trace = nullptr;        ///< or null
  /// Called in the calling thread when more has been written.
  std::function<void(const Team::Mark&)> on_progress;
};

/// Does everything of `plan`, which was made for `input`: loads are read in the order of the plan as memory allows, are
/// moved while others are read, and what is complete is written at once. The first error stops all; what a callback
/// throws is thrown on when the threads have ended.
///
/// Errors: those of the stores. Throws std::bad_alloc if the machine has less memory than was allowed.
Status do_work(const PlanInput& input, const Plan& plan, const WorkOptions& options, Diagnostics& diags);

}  // namespace rulec
