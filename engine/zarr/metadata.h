// SPDX-License-Identifier: Apache-2.0
// What `.zarray` (zarr 2 specification, "Metadata") and `zarr.json` (zarr 3 specification, "Array metadata") say of an
// array. Pure functions between text and values. Accepted is what TensorStore, which is behind Orbax, accepts of a
// stored document, but for what Orbax never writes: structured types, bz2, shards within shards, a transpose of a
// shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/zarr/element_type.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec::zarr {

/// The name of a zarr array's document.
constexpr std::string_view Zarr2Key = ".zarray";
constexpr std::string_view Zarr3Key = "zarr.json";

// Ours. Documents have some hundred bytes; no model has more axes than 6; no shard more entries than the format's own
// writers take (2^30), no array more chunks than anyone could list.
constexpr std::uint64_t MaxMetadataBytes = 1U << 20U;
constexpr std::size_t MaxRank = 32;
constexpr std::size_t MaxCodecs = 8;
constexpr std::int64_t MaxShardEntries = std::int64_t{1} << 30U;
constexpr std::int64_t MaxChunks = std::int64_t{1} << 40U;

/// What stands between bytes and stored bytes.
struct ByteCodec {
  enum class Kind : std::uint8_t { Zstd, Gzip, Zlib, Blosc, Crc32c };
  Kind kind = Kind::Zstd;
  int level = 0;  ///< of Zstd

  bool operator==(const ByteCodec&) const = default;
};

/// How the elements of a chunk become bytes, in the order of encoding: transposed, laid out, compressed.
struct CodecChain {
  std::vector<std::size_t> transpose;  ///< axis i of what is stored is axis transpose[i] of the chunk; empty: as it is
  bool is_big_endian = false;
  std::vector<ByteCodec> codecs;

  /// The chunk is stored as it is: C order, little-endian, nothing else.
  bool is_raw() const { return transpose.empty() && !is_big_endian && codecs.empty(); }
  bool operator==(const CodecChain&) const = default;
};

/// The index of a shard (zarr 3, codec `sharding_indexed`).
struct ShardIndexForm {
  bool is_at_start = false;
  bool is_big_endian = false;
  bool has_crc = true;

  bool operator==(const ShardIndexForm&) const = default;
};

/// An array, all sizes checked: neither its bytes nor those of a chunk nor the number of chunks overflows.
struct ArrayMetadata {
  int zarr_version = 3;
  Shape shape;
  ElementType type = ElementType::Float32;
  Shape value_shape;                     ///< of what is stored under one key: a shard, or a chunk if there are none
  Shape chunk_shape;                     ///< of what is encoded as one: divides `value_shape`, equal without shards
  std::optional<ShardIndexForm> shards;  ///< nothing: a value is a chunk
  CodecChain codecs;                     ///< of a chunk
  std::vector<std::byte> fill;           ///< the element that stands for what is not stored, little-endian
  bool has_prefix = true;                ///< keys begin with `c` (zarr 3, encoding `default`)
  char separator = '/';

  bool operator==(const ArrayMetadata&) const = default;
};

/// Reads the document `text`, of the zarr version that its key says. `where` is its file, or its key in a database, for
/// messages. Errors: R0830, R0803.
Result<ArrayMetadata> parse_zarr2(std::string_view text, const std::string& where, Diagnostics& diags);
Result<ArrayMetadata> parse_zarr3(std::string_view text, const std::string& where, Diagnostics& diags);

/// The document of an array that rulec writes, to the byte as Orbax and TensorStore write it: no blanks, members
/// sorted, defaults left out. The array is of C order, little-endian, raw or of zstd alone, and its fill value is 0.
std::string metadata_text(const ArrayMetadata& array);

}  // namespace rulec::zarr
