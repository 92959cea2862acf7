// SPDX-License-Identifier: Apache-2.0
// The index of a shard (zarr 3 specification, codec `sharding_indexed`): for every inner chunk, in C order, where it
// lies in the value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/zarr/metadata.h"

namespace rulec::zarr {

/// Bytes of a value.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  bool operator==(const Extent&) const = default;
};

/// Size of an index of so many inner chunks: two numbers of 8 bytes each, and a checksum.
std::uint64_t index_bytes(const ShardIndexForm& form, std::int64_t slots);

/// Where the index lies in a value of that size, which holds it.
Extent index_extent(const ShardIndexForm& form, std::int64_t slots, std::uint64_t value_bytes);

/// What is wrong with the bytes of an index: its checksum. Empty if nothing is.
std::string what_is_wrong(std::span<const std::byte> index, const ShardIndexForm& form);

/// Where the inner chunk `slot` lies, as the index says, or nothing if it is not stored.
std::optional<Extent> entry(std::span<const std::byte> index, const ShardIndexForm& form, std::int64_t slot);

/// The index that rulec writes at the end of a shard: little-endian, with a checksum.
std::vector<std::byte> encode_index(std::span<const std::optional<Extent>> entries);

}  // namespace rulec::zarr
