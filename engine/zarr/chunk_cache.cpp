// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/chunk_cache.h"

#include <utility>

namespace rulec::zarr {
namespace {

// What an entry takes besides its bytes, so that many small ones fill the cache too.
constexpr std::uint64_t BookkeepingBytes = 256;

}  // namespace

std::uint64_t ChunkCache::new_array() {
  const std::lock_guard lock(mutex_);
  return arrays_++;
}

ChunkCache::Bytes ChunkCache::get(const Key& key, const Make& make) {
  const std::shared_ptr<Slot> slot = slot_of(key);
  const std::lock_guard making(slot->making);
  if (slot->bytes) return slot->bytes;
  std::optional<std::vector<std::byte>> made = make();
  if (made) slot->bytes = std::make_shared<const std::vector<std::byte>>(*std::move(made));
  account(key, slot, BookkeepingBytes + (slot->bytes ? slot->bytes->size() : 0));
  return slot->bytes;
}

std::shared_ptr<ChunkCache::Slot> ChunkCache::slot_of(const Key& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = index_.find(key); found != index_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
  } else {
    entries_.push_front({key, std::make_shared<Slot>(), 0});
    index_.emplace(key, entries_.begin());
  }
  return entries_.front().slot;
}

void ChunkCache::account(const Key& key, const std::shared_ptr<Slot>& slot, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  // It may have been pushed out while it was made: then whoever waits for it has it, and nobody else.
  const auto found = index_.find(key);
  if (found != index_.end() && found->second->slot == slot) {
    bytes_ += bytes - found->second->bytes;
    found->second->bytes = bytes;
  }
  while (bytes_ > capacity_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace rulec::zarr
