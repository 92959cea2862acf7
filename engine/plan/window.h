// SPDX-License-Identifier: Apache-2.0
// Which parts a target tensor is made in.
#pragma once

#include <cstdint>

#include "engine/plan/plan.h"

namespace rulec {

struct Window {
  Shape extents;  ///< of each part, but for the last ones along an axis; whole chunks where chunks are not raw
  /// Of the shortest runs that are read and written, in bytes: what the disk makes of it.
  std::uint64_t read_run = 0;
  std::uint64_t write_run = 0;
  double cost = 0;  ///< of all parts, in bytes that would take as long in long runs
};

/// The rate of reads of so many bytes each, as a part of what long ones have.
double read_rate(std::uint64_t bytes);

/// The extents for which all of the target's bytes are estimated to take least time. A part and one of its loads fit
/// into `memory_bytes`, if any do.
///
/// Long runs count most: a disk reads at full speed from 1 MiB on, and scattered writes, which meet in the page cache,
/// take twice as long as others even if each has 64 KiB (measured on NVMe).
Window choose_window(const PlanInput& input, std::size_t target, const PlanOptions& options);

/// Boxes of these extents that cover a tensor, in C order.
std::vector<Box> windows_of(const Shape& shape, const Shape& extents);

}  // namespace rulec
