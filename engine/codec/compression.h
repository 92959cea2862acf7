// SPDX-License-Identifier: Apache-2.0
// What checkpoints compress with. Every decoder knows beforehand how much may come out: a kilobyte that unpacks to
// gigabytes stops at the limit, and nothing is allocated from a number that a file claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rulec {

/// What came out, or why nothing did: "the zstd frame is cut off". A message names the file and the place.
struct Decoded {
  std::vector<std::byte> bytes;
  std::string error = {};      ///< empty: fine
  bool is_over_limit = false;  ///< of an error: more would come out than was allowed
  explicit operator bool() const { return error.empty(); }
};

/// One or more zstd frames (RFC 8878), of a window of at most 128 MiB, that unpack to at most `limit` bytes. Frames may
/// state their content's size or not. What stands behind the last frame is an error.
Decoded decode_zstd(std::span<const std::byte> frames, std::uint64_t limit);

/// How much came out, or why nothing did.
struct Unpacked {
  std::uint64_t bytes = 0;
  std::string error = {};
  bool is_over_limit = false;
};

/// The same into memory that the caller has, with its size as the limit.
Unpacked decode_zstd(std::span<const std::byte> frames, std::span<std::byte> into);

/// One frame that states its content's size and carries no checksum.
std::vector<std::byte> encode_zstd(std::span<const std::byte> bytes, int level);

/// The same into memory that the caller has, an eighth and 1 MiB more than the bytes are; returns its size.
std::size_t encode_zstd(std::span<const std::byte> bytes, int level, std::span<std::byte> into);

/// A gzip member (RFC 1952) or a zlib stream (RFC 1950).
Decoded decode_gzip(std::span<const std::byte> member, std::uint64_t limit);
Decoded decode_zlib(std::span<const std::byte> stream, std::uint64_t limit);

/// A blosc 1 container: LZ4, BloscLZ, zlib, zstd inside.
Decoded decode_blosc(std::span<const std::byte> container, std::uint64_t limit);

}  // namespace rulec
