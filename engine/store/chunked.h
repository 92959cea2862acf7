// SPDX-License-Identifier: Apache-2.0
// What stores and sinks of files offer beside the public interface: their tensors chunk by chunk, as they lie on the
// disk, so that a runner can move them in an order and in pieces that suit it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/file/direct.h"
#include "engine/file/input_file.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/store.h>

namespace rulec {

/// Where bytes lie: to read in the order of the disk, and to have buffers that fit its blocks.
struct StoredAt {
  std::size_t file = 0;      ///< any number that tells the files of a store apart
  std::uint64_t offset = 0;  ///< in bytes

  auto operator<=>(const StoredAt&) const = default;
};

/// A part of a file.
struct StoredRange {
  StoredAt at;
  std::uint64_t bytes = 0;
};

/// All of a chunk, in a range of its file.
struct ChunkInRange {
  std::size_t tensor = 0;
  Shape chunk;
  std::uint64_t offset = 0;  ///< from the beginning of the range, in bytes
  std::uint64_t bytes = 0;
};

/// A store whose tensors are cut into chunks of one shape, of which those at an edge may go beyond it.
///
/// Members may be called from several threads at once, each with its own `Diagnostics`.
class ChunkedStore {
 public:
  virtual ~ChunkedStore() = default;

  /// The tensor's own shape, if it is in one piece.
  virtual Shape chunk_shape(std::size_t tensor) const = 0;

  /// Whether chunks are stored as their elements in C order, little-endian, so that any part can be read by itself.
  virtual bool is_raw(std::size_t tensor) const = 0;

  /// Where a raw chunk is stored, by its position in the grid; nothing if nowhere, or in memory.
  virtual std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const = 0;

  /// What reading a whole chunk takes in memory beside it, at most: what it is stored in, to be lent as
  /// `Room::elsewhere`, and more for rare codecs; 0 if raw.
  virtual std::uint64_t stored_bytes(std::size_t tensor, const Shape& chunk) const = 0;

  /// The file that `place` names by this number; null where it has none that stays open. It lives as long as the store.
  virtual const InputFile* file(std::size_t number) const = 0;

  /// What tells this content from any other that the store's files had or will have: which files, and in which of their
  /// states. Empty: nobody can tell.
  virtual std::string identity() const = 0;

  /// Fills `into` with bytes of the chunk from `offset` on; those are its elements in C order, of the whole
  /// `chunk_shape`. Of a chunk that is not raw, all is read at once. `room`: as for `InputFile::read`.
  virtual Status read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into,
                            Room room, Diagnostics& diags) const = 0;

  /// Fills `into` with what a file has from `from` on: raw chunks, as `place` tells of them, and what lies between
  /// them. `room`: as for `InputFile::read`.
  virtual Status read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const = 0;
};

/// A sink of tensors in chunks. `write_chunk` is for the time between `begin` and `commit`; all members but `lay_out`
/// may be called from several threads at once. Each byte is written once, either by `TensorSink::write` or here, a
/// tensor in one way.
class ChunkedSink {
 public:
  virtual ~ChunkedSink() = default;

  /// Decides where everything will lie, and writes nothing: what `begin` does first, unless it was done. Errors: those
  /// of `begin` that say what cannot be stored.
  virtual Status lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) = 0;

  virtual Shape chunk_shape(std::size_t tensor) const = 0;
  /// Whether parts of chunks may be written.
  virtual bool is_raw(std::size_t tensor) const = 0;
  virtual std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const = 0;
  /// What writing a chunk takes in memory beside it, at most: what it is stored in; 0 if raw.
  virtual std::uint64_t stored_bytes(std::size_t tensor) const = 0;
  /// Bytes of a chunk from `offset` on: its elements in C order, of the whole `chunk_shape`; what lies beyond the
  /// tensor's edge is zero. `room` is memory of `stored_bytes`; if it is less, the sink takes its own.
  virtual Status write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                             std::span<const std::byte> bytes, std::span<std::byte> room, Diagnostics& diags) = 0;
  /// Raw chunks that follow one another in a file, whole, with nothing of other tensors between them. `bytes` is the
  /// range of the file from `from` on that they fill; what is the sink's own in it, the sink puts there.
  virtual Status write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                             Diagnostics& diags) = 0;
};

}  // namespace rulec
