// SPDX-License-Identifier: Apache-2.0
// One view of all stores and sinks, whether they know chunks or not: a tensor of one that does not is one raw chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "engine/store/chunked.h"

#include <rulec/diagnostics.h>
#include <rulec/store.h>

namespace rulec {

/// How a tensor is cut up.
struct ChunkForm {
  Shape chunk;         ///< extents of a chunk
  bool is_raw = true;  ///< parts of it can be read or written by themselves
};

/// Tensors to read, numbered as the caller has them.
class ChunkReader {
 public:
  /// Reads `tensors`, all of `store`. `chunked` is what the store offers beside, or null. Borrows.
  ChunkReader(const TensorStore& store, const ChunkedStore* chunked, std::span<const TensorInfo> tensors);

  const TensorInfo& info(std::size_t tensor) const { return store_->tensors()[indices_[tensor]]; }
  ChunkForm form(std::size_t tensor) const;
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const;
  std::uint64_t stored_bytes(std::size_t tensor, const Shape& chunk) const;
  /// See `ChunkedStore::file`.
  const InputFile* file(std::size_t number) const { return chunked_ == nullptr ? nullptr : chunked_->file(number); }
  /// See `ChunkedStore::read_chunk`.
  Status read(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into, Room room,
              Diagnostics& diags) const;
  /// See `ChunkedStore::read_range`. For a place that this store told of.
  Status read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const;
  /// All bytes of a tensor in C order, however it is stored.
  Status read_whole(std::size_t tensor, std::span<std::byte> into, Diagnostics& diags) const;

 private:
  const TensorStore* store_;
  const ChunkedStore* chunked_;
  std::vector<std::size_t> indices_;
};

/// Tensors to write, numbered as in `TensorSink::begin`, which was called.
class ChunkWriter {
 public:
  /// `chunked` is what the sink offers beside, or null. Borrows all of it.
  ChunkWriter(TensorSink& sink, ChunkedSink* chunked, std::span<const TensorInfo> tensors)
      : sink_(&sink), chunked_(chunked), tensors_(tensors) {}

  ChunkForm form(std::size_t tensor) const;
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const;
  std::uint64_t stored_bytes(std::size_t tensor) const;
  /// See `ChunkedSink::write_chunk`. A sink that knows no chunks is called by one thread at a time.
  Status write(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<const std::byte> bytes,
               std::span<std::byte> room, Diagnostics& diags);
  /// See `ChunkedSink::write_range`. For a place that this sink told of.
  Status write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                     Diagnostics& diags);

 private:
  TensorSink* sink_;
  ChunkedSink* chunked_;
  std::span<const TensorInfo> tensors_;
  std::mutex mutex_;  // for sinks that know no chunks
};

}  // namespace rulec
