// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/run/prepared.h"
#include "engine/run/timeline.h"
#include "engine/store/resumable.h"

namespace rulec {

/// Has targets share the disk's blocks with the source where they have the same bytes and the file systems can. `done`
/// is by unit of the plan, or shorter for a run that begins, and grows to that: the units of which nothing is left to
/// do are marked. Returns how many bytes are shared.
///
/// Nothing of it is noted in a journal, since the checksum would take as long as a copy: a run that goes on does it
/// again. `trace` may be null. Errors: those of the stores.
Result<std::uint64_t> reflink(const Prepared& made, ResumableSink& sink, std::vector<bool>& done, Timeline* trace,
                              Diagnostics& diags);

}  // namespace rulec
