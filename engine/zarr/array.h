// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/zarr/chunk_cache.h"
#include "engine/zarr/chunk_source.h"
#include "engine/zarr/grid.h"
#include "engine/zarr/metadata.h"
#include "engine/zarr/shard.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::zarr {

/// What a chunk that is not stored means. zarr reads it as the fill value; Orbax stores every chunk, unless its
/// metadata say that it did not.
enum class MissingChunks : std::uint8_t { AreErrors, AreFilled };

/// Where a chunk is stored: these bytes of the value under this key.
struct ChunkPlace {
  std::string key;
  Extent extent;
};

/// An array to read. Borrows its source and its cache. Const members may be called from several threads at once, each
/// with its own `Diagnostics`.
class Array {
 public:
  /// Reads the document of the array behind `source`: `zarr.json` (zarr 3) or `.zarray` (zarr 2). `name` is the
  /// tensor's in messages. Errors: R0830, R0803, and what the source reports.
  static Result<Array> open(const ChunkSource& source, std::string name, MissingChunks missing, ChunkCache& cache,
                            Diagnostics& diags);

  const ArrayMetadata& metadata() const { return metadata_; }
  const Grid& grid() const { return grid_; }

  /// Whether `key` is that of the array's document or of one of its values.
  bool has_key(std::string_view key) const;

  /// Bytes of the whole array.
  std::uint64_t bytes() const;

  /// Fills `into` with the bytes of the array from `offset` on, in C order, little-endian. The range lies within the
  /// array.
  ///
  /// A raw chunk is read as far as it is wanted, straight into place where it is contiguous; of any other, the whole
  /// chunk is decoded and kept in the cache. What is held besides `into` is at most four times its size, and a chunk
  /// (`MaxDecodedBytes`) as it is stored and as it is decoded.
  ///
  /// Errors: R0831, R0832, R0803, and what the source reports.
  Status read(std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const;

  /// Fills `into` with bytes of the chunk at a position of `grid().chunk_grid()` from `offset` on, in C order of
  /// `chunk_shape`, little-endian. One that is not raw is decoded whole each time: to where it is wanted if all of it
  /// is, and from `room.elsewhere` if what is stored fits there. Errors: as for `read`.
  Status read_chunk(const Shape& chunk, std::uint64_t offset, std::span<std::byte> into, Room room,
                    Diagnostics& diags) const;

  /// Where the chunk at a position of `grid().chunk_grid()` is stored, or nothing if it is not. The place lies within
  /// the value. With `metadata().codecs.is_raw()` these bytes are the chunk's: C order, `chunk_shape`, also where it
  /// goes beyond the array. Errors: R0832, and what the source reports.
  Result<std::optional<ChunkPlace>> place(const Shape& chunk, Diagnostics& diags) const;

 private:
  Array(const ChunkSource& source, std::string name, MissingChunks missing, ChunkCache& cache, ArrayMetadata metadata);

  Result<std::optional<Extent>> shard_extent(const Shape& chunk, const std::string& key, std::uint64_t value_bytes,
                                             Diagnostics& diags) const;
  Status read_part(const Shape& byte_position, const Box& part, std::uint64_t offset, std::span<std::byte> into,
                   Diagnostics& diags) const;
  Status check_sizes(const Shape& chunk, const ChunkPlace& place, Diagnostics& diags) const;
  Result<std::vector<std::byte>> decoded(const Shape& chunk, const ChunkPlace& place, Diagnostics& diags) const;
  Status decode(const Shape& chunk, const ChunkPlace& place, std::span<std::byte> into, std::span<std::byte> stored,
                Diagnostics& diags) const;
  Status missing(const Shape& chunk, Diagnostics& diags) const;
  void fill(const Box& part, std::int64_t offset, std::span<std::byte> into) const;
  std::string chunk_name(const Shape& chunk) const;
  Finding bad_chunk(const Shape& chunk, std::uint64_t offset, std::string_view what, Diagnostics& diags) const;

  const ChunkSource* source_;
  std::string name_;
  MissingChunks missing_;
  ChunkCache* cache_;
  std::uint64_t id_;  // in the cache
  ArrayMetadata metadata_;
  Grid grid_;
  // The array and its chunks as arrays of bytes: the last axis counts bytes, and there is one if there was none.
  Shape byte_shape_;
  Shape byte_chunk_;
};

}  // namespace rulec::zarr
