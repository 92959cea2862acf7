// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rulec {

/// One axis of a strided copy, strides in elements.
struct StridedAxis {
  std::int64_t extent = 1;
  std::int64_t source_stride = 0;  ///< 0 repeats an element
  std::int64_t target_stride = 0;

  bool operator==(const StridedAxis&) const = default;
};

/// For every combination of axis positions, one element moves from `source_offset + sum(position * source_stride)` to
/// `target_offset + sum(position * target_stride)`, offsets in elements. This is all that layout ever is: reshapes,
/// transposes, slices, stacks and fusions come out of pieces in this form.
struct StridedCopy {
  std::vector<StridedAxis> axes;
  std::int64_t source_offset = 0;
  std::int64_t target_offset = 0;

  std::int64_t cells() const;
  bool operator==(const StridedCopy&) const = default;
};

/// The same copy in the fewest axes: extents of 1 dropped, neighbours fused where both strides allow, slowest target
/// stride first.
StridedCopy simplified(StridedCopy copy);

/// Moves elements of `element_bytes` (1, 2, 4 or 8). The caller vouches for both ranges. What transposes goes by tiles;
/// bytes that stay together are moved together, so that numbers may as well be given as bytes.
void copy_strided(const StridedCopy& copy, int element_bytes, std::span<const std::byte> source,
                  std::span<std::byte> target);

}  // namespace rulec
