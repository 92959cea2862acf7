// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec::zarr {

/// What is stored under one key, and what is encoded as one in it.
struct ChunkShapes {
  Shape value;
  Shape chunk;

  bool operator==(const ChunkShapes&) const = default;
};

struct ChunkOptions {
  /// Axes along which tensors of the other side are stacked (layers, experts): chunks are one thick along them, so that
  /// each such tensor fills whole chunks and nothing is scattered.
  std::vector<std::size_t> stacked;
  /// The user's word: this axis in so many equal pieces.
  std::map<std::size_t, std::int64_t> pieces;
  bool one_chunk = false;                                ///< one value of one chunk, whatever its size
  bool has_shards = true;                                ///< zarr 3; without, every chunk is a value
  std::uint64_t chunk_bytes = std::uint64_t{16} << 20U;  ///< wanted of a chunk
  std::uint64_t value_bytes = std::uint64_t{2} << 30U;   ///< most of a value, where chunks allow it
};

/// How an array of `shape` is cut.
///
/// An array of at most `chunk_bytes` is one chunk. A larger one is cut one thick along stacked axes; if that leaves
/// more, along the first other axis, into the number of pieces that divides it and comes nearest to `chunk_bytes`, and
/// along the next if one row is still larger. Chunks of an array without stacked axes are thus contiguous in it, and a
/// raw value is the array itself. Values are cut between chunks, along the first axes, to at most `value_bytes`.
///
/// Errors: R0903 if an axis cannot be cut as the user wants it.
Result<ChunkShapes> choose_chunks(const Shape& shape, std::size_t element_bytes, const ChunkOptions& options,
                                  Diagnostics& diags);

}  // namespace rulec::zarr
