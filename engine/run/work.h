// SPDX-License-Identifier: Apache-2.0
// The work of a plan, shared out among threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "engine/plan/plan.h"
#include "engine/run/journal.h"
#include "engine/run/trace.h"

#include <rulec/diagnostics.h>

namespace rulec {

struct WorkOptions {
  std::uint64_t memory_bytes = 0;  ///< at least the plan's `needed_bytes`
  int threads = 1;
  /// Units that it has are not done again; those that are done are noted in it when `flush` has put them on the disk.
  /// Or null.
  Journal* journal = nullptr;
  ChunkedSink* flush = nullptr;
  Trace* trace = nullptr;  ///< or null
  /// Called in the calling thread when more has been written, with the bytes so far and the target written last.
  std::function<void(std::uint64_t, std::size_t)> on_progress;
};

/// Does everything of `plan`, which was made for `input`: loads are read in the order of the plan as memory allows, are
/// moved while others are read, and what is complete is written at once. The first error stops all; what a callback
/// throws is thrown on when the threads have ended.
///
/// Errors: those of the stores.
Status do_work(const PlanInput& input, const Plan& plan, const ChunkReader& reader, ChunkWriter& writer,
               const WorkOptions& options, Diagnostics& diags);

}  // namespace rulec
