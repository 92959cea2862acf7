// SPDX-License-Identifier: Apache-2.0
// What a conversion leaves behind must be worth nothing: padding of the source is zero, constants hold, copies are
// copies.
#pragma once

#include "engine/run/run.h"
#include "engine/store/chunk_access.h"

namespace rulec {

/// Looks at what of the source has no place in the targets of `graph`, some megabytes at a time. `reader` has all
/// tensors of the source, in the order of its catalogue. What a policy lets pass is counted in the report, as is what
/// was read.
///
/// Errors: R0604, R0605, R0609, and those of the store.
Status check_source(const Pack& pack, const Graph& graph, std::span<const TensorInfo> catalogue,
                    const ChunkReader& reader, const RunOptions& options, RunReport& report, Diagnostics& diags);

}  // namespace rulec
