// SPDX-License-Identifier: Apache-2.0
// Tensors in memory that are cut into chunks at random, as files have them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/store/chunked.h"

#include <rulec/store.h>

namespace rulec::testing {

/// Where raw tensors of these sizes, counted with all of their chunks, would lie in a few files: in any order, close to
/// each other or far apart.
std::vector<StoredAt> some_places(const std::vector<std::uint64_t>& bytes, std::mt19937& random);

/// A store as chunks of it. What lies beyond a tensor's edge is garbage. Borrows the store.
class ChunkedMemory final : public TensorStore, public ChunkedStore {
 public:
  ChunkedMemory(const MemoryStore& store, unsigned seed);

  std::span<const TensorInfo> tensors() const override { return store_->tensors(); }
  Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override {
    return store_->read(index, offset, into, diags);
  }
  std::string_view where() const override { return "chunks"; }

  Shape chunk_shape(std::size_t tensor) const override { return shapes_[tensor]; }
  bool is_raw(std::size_t tensor) const override { return is_raw_[tensor]; }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t tensor, const Shape& chunk) const override;
  const InputFile* file(std::size_t) const override { return nullptr; }
  std::string identity() const override { return {}; }
  Status read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into, Room room,
                    Diagnostics& diags) const override;
  Status read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const override;

  /// How many ranges were read.
  std::size_t ranges() const { return ranges_; }

 private:
  std::uint64_t chunk_bytes(std::size_t tensor) const;
  std::vector<std::byte> stored_chunk(std::size_t tensor, const Shape& chunk) const;

  const MemoryStore* store_;
  std::vector<Shape> shapes_;
  std::vector<bool> is_raw_;
  std::vector<StoredAt> places_;
  mutable std::atomic<std::size_t> ranges_{0};
};

/// A sink that takes chunks, each byte once, and checks that what lies beyond an edge is zero.
class ChunkedMemorySink final : public TensorSink, public ChunkedSink {
 public:
  explicit ChunkedMemorySink(unsigned seed) : random_(seed) {}

  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  Status commit(Diagnostics& diags) override;

  Status lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Shape chunk_shape(std::size_t tensor) const override { return tensors_[tensor].chunk; }
  bool is_raw(std::size_t tensor) const override { return tensors_[tensor].is_raw; }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t tensor) const override { return is_raw(tensor) ? 0 : 100; }
  Status write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<const std::byte> bytes,
                     std::span<std::byte> room, Diagnostics& diags) override;
  Status write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                     Diagnostics& diags) override;

  /// How many ranges were written.
  std::size_t ranges() const { return ranges_; }

  /// What was committed.
  MemoryStore store;

 private:
  std::uint64_t chunk_bytes(std::size_t tensor) const;

  struct Written {
    TensorInfo info;
    Shape chunk;
    bool is_raw = true;
    std::map<Shape, std::pair<std::vector<std::byte>, std::vector<bool>>> chunks;  // bytes, and which are there
  };
  std::mt19937 random_;
  std::mutex mutex_;
  std::vector<Written> tensors_;
  std::vector<StoredAt> places_;
  std::atomic<std::size_t> ranges_{0};
};

}  // namespace rulec::testing
