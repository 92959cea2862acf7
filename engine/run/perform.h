// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/run/journal.h"
#include "engine/run/move.h"
#include "engine/run/schedule.h"

namespace rulec {

/// What tasks work on. All is borrowed; `journal` may be null if there is nothing to note.
struct Workplace {
  const PlanInput& input;
  const Plan& plan;
  const Schedule& schedule;  ///< for the buffers of the task
  Journal* journal = nullptr;
};

/// Does what a task says, while other threads do others. Errors: those of the stores.
Status perform(const Workplace& at, const Task& task, Scratch& scratch, Diagnostics& diags);

}  // namespace rulec
