// SPDX-License-Identifier: Apache-2.0
// How far loops run, read off a checkpoint: its names count layers and experts, stacked axes are as long as their loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/bind/inputs.h"

namespace rulec {

/// Sizes of loops, by name or dotted key.
using LoopLengths = std::map<std::string, std::int64_t>;

/// The lengths of the loops that run to `names`. `base` has the catalogues, and a value for everything else that the
/// rules read. A length comes from a number of a stored name or from a stored axis, and is the one that explains most
/// names with the fewest missing, then most axes. Each is tried with the others short, so that the time is that of the
/// sum of the loops and not of their product. Nothing if no lengths satisfy the rules.
std::optional<LoopLengths> loop_lengths(const Rules& rules, const Inputs& base, const std::set<std::string>& names,
                                        Diagnostics& diags);

/// The pack with short loops; enough to see what its names look like. Nothing if no short lengths satisfy the rules.
std::optional<Pack> with_short_loops(const Rules& rules, const Inputs& base, const std::set<std::string>& names,
                                     Diagnostics& diags);

}  // namespace rulec
