// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/file/direct.h"

namespace rulec {

/// Memory that an arena has lent.
struct Buffer {
  std::span<std::byte> bytes;
  Room room;  ///< beside them, to the next block boundaries at least
  std::byte* base = nullptr;
  std::uint64_t size = 0;  ///< all of it, from `base` on
};

/// The memory of a run. Fresh pages are dear, so what comes back is lent again; huge pages make them cheaper. Never
/// more than the capacity is mapped.
class Arena {
 public:
  explicit Arena(std::uint64_t capacity_bytes) : capacity_(capacity_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// A buffer whose first byte lies `phase` bytes behind a block boundary (`phase_of`), or nothing while there is no
  /// room, within the capacity or on the machine. Its content is anything.
  std::optional<Buffer> take(std::uint64_t bytes, std::size_t phase);
  void give(const Buffer& buffer);

  std::uint64_t most_mapped() const { return most_mapped_; }

 private:
  std::byte* spare(std::uint64_t size);
  void drop_spares(std::uint64_t wanted);

  std::uint64_t capacity_;
  std::uint64_t mapped_ = 0;  // lent or spare
  std::uint64_t lent_ = 0;
  std::uint64_t most_mapped_ = 0;
  std::multimap<std::uint64_t, std::byte*> spares_;  // by size
};

}  // namespace rulec
