// SPDX-License-Identifier: Apache-2.0
// An array to write: what is stored under which key, known before the first byte. The caller puts values where he
// likes, and gives their chunks in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/zarr/choose_chunks.h"
#include "engine/zarr/grid.h"
#include "engine/zarr/metadata.h"
#include "engine/zarr/shard.h"

#include <rulec/tensor.h>

namespace rulec::zarr {

struct WriteOptions {
  int zarr_version = 3;  ///< 3: values are shards, with an index of their chunks at their end; 2: they are chunks
  std::optional<int> zstd_level;  ///< nothing: raw. Orbax takes 3 for zarr 3 and 1 for zarr 2
};

class ArrayLayout {
 public:
  /// The sizes are the caller's own and do not overflow; in zarr 2, both of `shapes` are the same.
  ArrayLayout(Shape shape, ElementType type, ChunkShapes shapes, const WriteOptions& options);

  const ArrayMetadata& metadata() const { return metadata_; }
  /// Names the values and the chunks in them, and tells which box of the array each chunk is.
  const Grid& grid() const { return grid_; }

  /// `zarr.json` or `.zarray`, and what is stored under it.
  std::string_view metadata_key() const { return metadata_.zarr_version == 3 ? Zarr3Key : Zarr2Key; }
  std::string metadata_text() const { return zarr::metadata_text(metadata_); }

  /// What is stored of a chunk, made of the bytes of its box in C order, little-endian. At the array's edge it is
  /// filled up with zeros: stored chunks have all one size.
  std::vector<std::byte> encode(const Shape& chunk, std::span<const std::byte> box) const;

  /// Of a raw array: where in its value a chunk lies, chunks in C order without holes.
  Extent raw_place(const Shape& chunk) const;
  /// Of a raw array: the index that follows the chunks of a value; empty if there are no shards.
  std::vector<std::byte> raw_index(const Shape& value) const;
  /// Bytes of that.
  std::uint64_t raw_index_bytes() const;
  /// Of a raw array: bytes of a value, its index among them.
  std::uint64_t raw_value_bytes(const Shape& value) const;

  /// The index of a shard whose chunks the caller has put at `places`, by slot (`Grid::slot_of`); those beyond the
  /// array's edge need none.
  std::vector<std::byte> index(std::span<const std::optional<Extent>> places) const { return encode_index(places); }

 private:
  ArrayMetadata metadata_;
  Grid grid_;
};

}  // namespace rulec::zarr
