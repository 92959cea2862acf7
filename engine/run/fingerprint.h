// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "engine/graph/graph.h"
#include "engine/plan/plan.h"
#include "engine/store/chunk_access.h"

namespace rulec {

/// What two runs must have in common for one to go on with the other's work: this version, the graph, the source's
/// files
/// (`ChunkedStore::identity`), and where every block of the plan is written. 32 hexadecimal digits.
std::string fingerprint(const Graph& graph, const std::string& source, const ChunkWriter& writer, const Plan& plan);

}  // namespace rulec
