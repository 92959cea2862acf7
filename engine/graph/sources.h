// SPDX-License-Identifier: Apache-2.0
// The source tensors that a graph reads, held against the catalogue.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <vector>

#include "engine/graph/graph.h"

namespace rulec {

/// Stands for the place of a tensor that nothing reads.
inline constexpr std::size_t NotRead = std::numeric_limits<std::size_t>::max();

/// For every source tensor of the pack its place in the catalogue, or `NotRead`. Errors: R0306, R0610.
Result<std::vector<std::size_t>> find_sources(const Pack& pack, SideId to,
                                              const std::map<std::size_t, std::vector<const Piece*>>& pieces_of,
                                              const GraphOptions& options, Diagnostics& diags);

}  // namespace rulec
