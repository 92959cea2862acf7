// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace rulec::ocdbt {

/// The counterpart of `ByteReader`. Numbers take their shortest form.
class ByteWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }
  void u32le(std::uint32_t value) { little_endian(value, 4); }
  void u64le(std::uint64_t value) { little_endian(value, 8); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) u8(static_cast<std::uint8_t>(value | 0x80U));
    u8(static_cast<std::uint8_t>(value));
  }
  void bytes(std::span<const std::byte> value) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + value.size());
    std::ranges::copy(value, bytes_.begin() + static_cast<std::ptrdiff_t>(end));
  }
  void text(std::string_view value) { bytes(std::as_bytes(std::span(value))); }

  std::span<const std::byte> written() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void little_endian(std::uint64_t value, int size) {
    for (; size > 0; --size, value >>= 8U) u8(static_cast<std::uint8_t>(value));
  }

  std::vector<std::byte> bytes_;
};

}  // namespace rulec::ocdbt
