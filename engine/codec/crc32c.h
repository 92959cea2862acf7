// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rulec {

/// What one takes where it is stored.
constexpr std::size_t CrcBytes = 4;

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial value and final xor 0xFFFFFFFF; RFC 3720, appendix
/// B.4) of `bytes`, by the processor's instruction where there is one. `before` is the CRC of the bytes that come
/// first, so that a text may be given in parts: crc32c(b, crc32c(a)) is that of a and b.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace rulec
