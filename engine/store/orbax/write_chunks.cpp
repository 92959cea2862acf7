// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/write_chunks.h"

#include <utility>

namespace rulec::orbax {

std::optional<std::vector<std::byte>> OpenChunks::add(std::size_t array, const ChunkPart& part, std::uint64_t bytes,
                                                      std::span<const std::byte> source) {
  std::unique_lock lock(mutex_);
  const auto [at, is_new] = chunks_.try_emplace({array, part.chunk});
  Chunk& chunk = at->second;
  if (is_new) chunk = {std::vector<std::byte>(bytes), bytes};
  lock.unlock();
  copy_strided(part.copy, 1, source, chunk.bytes);
  lock.lock();
  chunk.missing -= static_cast<std::uint64_t>(part.copy.cells());
  if (chunk.missing > 0) return std::nullopt;
  std::vector<std::byte> complete = std::move(chunk.bytes);
  chunks_.erase(at);
  return complete;
}

}  // namespace rulec::orbax
