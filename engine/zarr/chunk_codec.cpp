// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/chunk_codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "engine/codec/crc32c.h"
#include "engine/tensor/strided.h"
#include "engine/zarr/grid.h"

namespace rulec::zarr {
namespace {

using Bytes = std::vector<std::byte>;
using CodecKind = ByteCodec::Kind;

Decoded check_crc(Bytes stored) {
  if (stored.size() < CrcBytes) {
    return {.bytes = {}, .error = fmt::format("it has {} bytes, its checksum alone has 4", stored.size())};
  }
  const std::size_t size = stored.size() - CrcBytes;
  std::uint32_t said = 0;
  for (std::size_t i = CrcBytes; i-- > 0;) said = said << 8U | std::to_integer<std::uint32_t>(stored[size + i]);
  const std::uint32_t found = crc32c(std::span(stored).first(size));
  if (found != said) {
    return {.bytes = {}, .error = fmt::format("its checksum is {:#010x}, it says {:#010x}", found, said)};
  }
  stored.resize(size);
  return {.bytes = std::move(stored)};
}

Decoded undo(CodecKind kind, Bytes stored, std::uint64_t limit) {
  switch (kind) {
    case CodecKind::Zstd:
      return decode_zstd(stored, limit);
    case CodecKind::Gzip:
      return decode_gzip(stored, limit);
    case CodecKind::Zlib:
      return decode_zlib(stored, limit);
    case CodecKind::Blosc:
      return decode_blosc(stored, limit);
    case CodecKind::Crc32c:
      return check_crc(std::move(stored));
  }
  return {};
}

// What `codecs`, the first ones of a chain, make of `bytes`: at most so many. No compressor makes an eighth more.
std::uint64_t most_encoded(std::uint64_t bytes, std::span<const ByteCodec> codecs) {
  for (const ByteCodec& codec : codecs) bytes += codec.kind == CodecKind::Crc32c ? CrcBytes : bytes / 8 + (1U << 20U);
  return bytes;
}

void swap_bytes(Bytes& bytes, std::size_t unit) {
  for (std::size_t at = 0; at + unit <= bytes.size(); at += unit) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + unit));
  }
}

std::string over_limit(std::uint64_t bytes) {
  return fmt::format("it unpacks to more than the {} bytes that a chunk has", bytes);
}

std::string wrong_size(std::string_view does, std::uint64_t found, std::uint64_t expected) {
  return fmt::format("it {} {} bytes, expected {}", does, found, expected);
}

Bytes untransposed(const Bytes& stored, const ArrayMetadata& array) {
  const std::vector<std::size_t>& order = array.codecs.transpose;
  Shape stored_shape;
  for (const std::size_t axis : order) stored_shape.push_back(array.chunk_shape[axis]);
  const Shape from = c_strides(stored_shape);
  const Shape to = c_strides(array.chunk_shape);
  // An element of 16 bytes is an axis of two.
  const std::size_t bytes = element_bytes(array.type);
  const std::int64_t parts = bytes > 8 ? 2 : 1;
  StridedCopy copy;
  for (std::size_t i = 0; i < order.size(); ++i) {
    copy.axes.push_back({stored_shape[i], from[i] * parts, to[order[i]] * parts});
  }
  copy.axes.push_back({parts, 1, 1});
  Bytes chunk(stored.size());
  copy_strided(copy, static_cast<int>(bytes / static_cast<std::size_t>(parts)), stored, chunk);
  return chunk;
}

}  // namespace

std::uint64_t chunk_bytes(const ArrayMetadata& array) {
  return static_cast<std::uint64_t>(*cells(array.chunk_shape)) * element_bytes(array.type);
}

std::uint64_t max_stored_bytes(const ArrayMetadata& array) {
  return most_encoded(chunk_bytes(array), array.codecs.codecs);
}

Decoded decode_chunk(Bytes stored, const ArrayMetadata& array) {
  const std::uint64_t bytes = chunk_bytes(array);
  const std::span<const ByteCodec> codecs = array.codecs.codecs;
  Decoded decoded{.bytes = std::move(stored)};
  for (std::size_t i = codecs.size(); i-- > 0;) {
    const std::uint64_t limit = most_encoded(bytes, codecs.first(i));
    decoded = undo(codecs[i].kind, std::move(decoded.bytes), limit);
    if (decoded.is_over_limit) {
      decoded.error = over_limit(bytes);
    }
    if (!decoded) return decoded;
  }
  if (decoded.bytes.size() != bytes) {
    return {.bytes = {}, .error = wrong_size(codecs.empty() ? "has" : "unpacks to", decoded.bytes.size(), bytes)};
  }
  if (array.codecs.is_big_endian) {
    const bool is_pair = family(array.type) == ElementFamily::Complex;
    swap_bytes(decoded.bytes, element_bytes(array.type) / (is_pair ? 2 : 1));
  }
  if (!array.codecs.transpose.empty()) decoded.bytes = untransposed(decoded.bytes, array);
  return decoded;
}

bool is_plain_zstd(const ArrayMetadata& array) {
  const CodecChain& chain = array.codecs;
  return chain.codecs.size() == 1 && chain.codecs.front().kind == CodecKind::Zstd && !chain.is_big_endian &&
         chain.transpose.empty();
}

std::string decode_chunk(std::span<const std::byte> stored, const ArrayMetadata& array, std::span<std::byte> into) {
  if (!is_plain_zstd(array)) {
    const Decoded decoded = decode_chunk(Bytes(stored.begin(), stored.end()), array);
    if (decoded) std::ranges::copy(decoded.bytes, into.begin());
    return decoded.error;
  }
  const Unpacked unpacked = decode_zstd(stored, into);
  if (unpacked.is_over_limit) return over_limit(into.size());
  if (!unpacked.error.empty()) return unpacked.error;
  return unpacked.bytes == into.size() ? std::string() : wrong_size("unpacks to", unpacked.bytes, into.size());
}

Bytes encode_chunk(Bytes chunk, const ArrayMetadata& array) {
  if (array.codecs.codecs.empty()) return chunk;
  return encode_zstd(chunk, array.codecs.codecs.front().level);
}

std::size_t encode_chunk(std::span<const std::byte> chunk, const ArrayMetadata& array, std::span<std::byte> into) {
  return encode_zstd(chunk, array.codecs.codecs.front().level, into);
}

}  // namespace rulec::zarr
