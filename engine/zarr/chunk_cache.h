// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace rulec::zarr {

/// The chunks that were decoded last, and indices of shards, of all arrays that share the cache: who reads an array
/// block by block has each chunk decoded once, as long as the chunks that a block touches fit.
///
/// Holds at most `capacity_bytes`, or the one chunk that was used last if that alone is larger. May be used from
/// several threads at once: of two that want the same chunk, one makes it and the other waits.
class ChunkCache {
 public:
  struct Key {
    std::uint64_t array = 0;
    bool is_index = false;
    std::int64_t number = 0;  ///< of the chunk or of the value
    auto operator<=>(const Key&) const = default;
  };
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  using Make = std::function<std::optional<std::vector<std::byte>>()>;

  explicit ChunkCache(std::uint64_t capacity_bytes = std::uint64_t{256} << 20U) : capacity_bytes_(capacity_bytes) {}

  /// A name for an array that no other of this cache has.
  std::uint64_t new_array();

  /// What `key` stands for, made by `make` if it is not there; null if `make` makes nothing.
  Bytes get(const Key& key, const Make& make);

 private:
  struct Slot {
    std::mutex making;
    Bytes bytes;
  };
  struct Entry {
    Key key;
    std::shared_ptr<Slot> slot;
    std::uint64_t bytes = 0;  // that are accounted for
  };

  std::shared_ptr<Slot> slot_of(const Key& key);
  void account(const Key& key, const std::shared_ptr<Slot>& slot, std::uint64_t bytes);

  std::uint64_t capacity_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::map<Key, std::list<Entry>::iterator> index_;
  std::uint64_t bytes_ = 0;
  std::uint64_t arrays_ = 0;
};

}  // namespace rulec::zarr
