// SPDX-License-Identifier: Apache-2.0
// From what is stored of a chunk to its elements, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/codec/compression.h"
#include "engine/zarr/metadata.h"

namespace rulec::zarr {

/// The most bytes of a chunk that rulec holds at once, which all but raw chunks need: twice what Orbax makes.
constexpr std::uint64_t MaxDecodedBytes = std::uint64_t{4} << 30U;

/// Bytes of a chunk of `array`, its elements one by one.
std::uint64_t chunk_bytes(const ArrayMetadata& array);

/// More bytes than this are never what a chunk of `array` is stored in.
std::uint64_t max_stored_bytes(const ArrayMetadata& array);

/// The chunk of `array` that is stored as `stored`: exactly `chunk_bytes` of at most `MaxDecodedBytes`, C order,
/// little-endian. An error says what is wrong with it.
Decoded decode_chunk(std::vector<std::byte> stored, const ArrayMetadata& array);

/// Whether chunks of `array` are one zstd stream each and nothing else, which is unpacked to where it is wanted.
bool is_plain_zstd(const ArrayMetadata& array);

/// What is stored of a whole chunk of an `array` that rulec writes: raw or one zstd frame.
std::vector<std::byte> encode_chunk(std::vector<std::byte> chunk, const ArrayMetadata& array);

/// The same of one that is compressed, into memory of `max_stored_bytes` that the caller has; returns its size.
std::size_t encode_chunk(std::span<const std::byte> chunk, const ArrayMetadata& array, std::span<std::byte> into);

/// `decode_chunk` to memory that the caller has, of `chunk_bytes`. Empty: fine; else what is wrong with `stored`.
/// Without `is_plain_zstd`, it needs twice as much again beside.
std::string decode_chunk(std::span<const std::byte> stored, const ArrayMetadata& array, std::span<std::byte> into);

}  // namespace rulec::zarr
