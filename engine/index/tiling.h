// SPDX-License-Identifier: Apache-2.0
// The cheap proof of coverage: pieces that differ in their place only, as a loop makes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/strided_cover.h"

namespace rulec {

/// Whether the cells of `axes`, begun once at each of `offsets`, are the numbers below `cells`, each once. `cells` is
/// positive.
///
/// They are if the axes are some digits of a mixed radix and the offsets are all values of its other digits. False
/// says nothing: what fills a tensor in another way is for `judge_cover`. Cost is linear in the number of offsets.
bool are_tiles(std::int64_t cells, std::vector<Progression::Axis> axes, std::span<const std::int64_t> offsets);

}  // namespace rulec
