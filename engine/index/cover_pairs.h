// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/index/cover.h"

namespace rulec {

/// `judge_cover` for boxes that no axis keeps apart: compares all pairs, and counts cells if none meet. Looks at those
/// of `numbers` (ascending), none of which is empty. Leaves out `Hole::along`, and any hole if boxes meet.
Cover cover_by_pairs(const std::vector<std::int64_t>& shape, std::span<const SetBox> boxes,
                     const std::vector<std::uint32_t>& numbers);

}  // namespace rulec
