// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "engine/store/orbax/write_parts.h"

namespace rulec::orbax {

/// Chunks of which some bytes are there and others are not yet. May be used from several threads at once.
class OpenChunks {
 public:
  /// Takes in the part of a chunk, of `bytes` in all, that `source` has of it. Gives the chunk when it is complete, and
  /// forgets it. Every byte is given once.
  std::optional<std::vector<std::byte>> add(std::size_t array, const ChunkPart& part, std::uint64_t bytes,
                                            std::span<const std::byte> source);

 private:
  struct Key {
    std::size_t array = 0;
    std::int64_t chunk = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Chunk {
    std::vector<std::byte> bytes;
    std::uint64_t missing = 0;
  };

  std::mutex mutex_;
  std::map<Key, Chunk> chunks_;  // a node stays where it is, so that it is filled without the lock
};

}  // namespace rulec::orbax
