// SPDX-License-Identifier: Apache-2.0
// From what is stored of a chunk to its elements, and back.
#pragma once

#include <cstddef>
#include <cstdint>
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

/// What is stored of a whole chunk of an `array` that rulec writes: raw or one zstd frame.
std::vector<std::byte> encode_chunk(std::vector<std::byte> chunk, const ArrayMetadata& array);

}  // namespace rulec::zarr
