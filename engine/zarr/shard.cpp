// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/shard.h"

#include <fmt/core.h>

#include "engine/codec/crc32c.h"

namespace rulec::zarr {
namespace {

constexpr std::size_t EntryBytes = 16;
constexpr std::uint64_t NotStored = ~std::uint64_t{0};  // as offset and as length

std::uint64_t number(std::span<const std::byte> bytes, bool is_big_endian) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[is_big_endian ? i : bytes.size() - 1 - i]);
  }
  return value;
}

void append(std::vector<std::byte>& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> 8U * i));
}

}  // namespace

std::uint64_t index_bytes(const ShardIndexForm& form, std::int64_t slots) {
  return static_cast<std::uint64_t>(slots) * EntryBytes + (form.has_crc ? CrcBytes : 0);
}

Extent index_extent(const ShardIndexForm& form, std::int64_t slots, std::uint64_t value_bytes) {
  const std::uint64_t bytes = index_bytes(form, slots);
  return {form.is_at_start ? 0 : value_bytes - bytes, bytes};
}

std::string what_is_wrong(std::span<const std::byte> index, const ShardIndexForm& form) {
  if (!form.has_crc) return {};
  const auto said = static_cast<std::uint32_t>(number(index.last(CrcBytes), false));
  const std::uint32_t found = crc32c(index.first(index.size() - CrcBytes));
  if (found == said) return {};
  return fmt::format("the checksum of its index is {:#010x}, it says {:#010x}", found, said);
}

std::optional<Extent> entry(std::span<const std::byte> index, const ShardIndexForm& form, std::int64_t slot) {
  const std::span<const std::byte> bytes = index.subspan(static_cast<std::size_t>(slot) * EntryBytes, EntryBytes);
  const Extent extent{number(bytes.first(8), form.is_big_endian), number(bytes.last(8), form.is_big_endian)};
  if (extent == Extent{NotStored, NotStored}) return std::nullopt;
  return extent;
}

std::vector<std::byte> encode_index(std::span<const std::optional<Extent>> entries) {
  std::vector<std::byte> out;
  out.reserve(entries.size() * EntryBytes + CrcBytes);
  for (const std::optional<Extent>& entry : entries) {
    const Extent extent = entry.value_or(Extent{NotStored, NotStored});
    append(out, extent.offset, 8);
    append(out, extent.length, 8);
  }
  append(out, crc32c(out), CrcBytes);
  return out;
}

}  // namespace rulec::zarr
