// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "engine/file/direct.h"

namespace rulec {

/// Bytes of memory that a buffer of `bytes` takes, wherever in a block of the disk it begins. Of few sizes, so that one
/// buffer can follow another: little more than a sixtieth is wasted.
inline std::uint64_t buffer_room(std::uint64_t bytes) {
  const std::uint64_t needed = bytes + 2 * DirectBlock - 1;
  const std::uint64_t step = std::max<std::uint64_t>(DirectBlock, std::bit_floor(needed) / 64);
  return (needed + step - 1) / step * step;
}

/// The same of a buffer of a chunk and of what it is stored in, if that is something else.
inline std::uint64_t buffer_room(std::uint64_t bytes, std::uint64_t stored_bytes) {
  return buffer_room(bytes) + (stored_bytes > 0 ? buffer_room(stored_bytes) : 0);
}

}  // namespace rulec
