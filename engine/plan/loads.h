// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/plan/plan.h"

namespace rulec {

/// A box of a source tensor.
struct SourceBox {
  std::size_t source = 0;
  Box box;
};

/// What of the sources the copies of a target need for the cells of `window`, in the order of the sources: boxes of one
/// source share no cell. Boxes that are nearly one are one.
std::vector<SourceBox> needed(const TargetTensor& target, const TargetMaps& maps, const Box& window);

/// Boxes that share no cell and hold all of these, fewer than before where that costs little.
std::vector<SourceBox> joined(std::vector<SourceBox> boxes);

}  // namespace rulec
