// SPDX-License-Identifier: Apache-2.0
// Groups in blocks, `(N H)//128`: a box is cut until a block's number is a sum over the axes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/axes/pattern.h"

namespace rulec::axes {

/// Cells of an axis: first, first + step, ..., `count` of them. None is negative, a step is 1 at least.
struct Cells {
  std::int64_t first = 0;
  std::int64_t step = 1;
  std::int64_t count = 1;
};

/// A part of a box: what it has along each axis.
using Part = std::vector<Cells>;

/// An axis of the box in a group in blocks: a step along it is `stride` cells of the group.
struct GroupAxis {
  std::size_t axis = 0;
  std::int64_t stride = 1;
};

/// A group with its axes as a box numbers them. Cell x of it is in block x // `block`. All its cells are fewer than
/// 2^63.
struct BoxedGroup {
  std::int64_t block = 1;   ///< 1 at least
  std::int64_t offset = 0;  ///< cell of the group that the box begins with, not negative
  std::vector<GroupAxis> axes;
};

/// How the number of the block grows along an axis: by `blocks` after every `cells` steps.
struct BlockStep {
  std::int64_t blocks = 0;
  std::int64_t cells = 1;
};

/// The number of a cell's block within a part: that of its first cell, and what the steps along each axis add.
struct BlockNumber {
  std::int64_t first = 0;
  std::vector<BlockStep> steps;  ///< by axis of the box
};

/// Nothing if the number is no such sum: cut the part.
std::optional<BlockNumber> block_number(const BoxedGroup& group, const Part& part);

/// Cuts a part into parts that have a `block_number` and lie side by side: into whole periods of a slow axis against
/// the blocks, and at the ends of blocks along the fastest. Nothing if that takes more than `most` parts.
std::optional<std::vector<Part>> cut_at_blocks(const BoxedGroup& group, const Part& part, std::size_t most);

}  // namespace rulec::axes
