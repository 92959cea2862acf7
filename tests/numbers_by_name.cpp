// SPDX-License-Identifier: Apache-2.0
#include "tests/numbers_by_name.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace rulec::testing {
namespace {

/// FNV-1a, 64 bits.
std::uint64_t seed_of(std::string_view name) {
  std::uint64_t seed = 0xCBF29CE484222325;
  for (const char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return seed;
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

std::uint64_t bits_of(DType dtype, std::uint64_t z) {
  const std::uint64_t sign = z >> 63;
  const std::uint64_t exponent = 124 + (z >> 60) % 8;
  switch (dtype) {
    case DType::Bf16:
      return sign << 15 | exponent << 7 | z % (1U << 7);
    case DType::F32:
      return sign << 31 | exponent << 23 | z % (1U << 23);
    case DType::F8E4M3:
      return z & 0xBF;
    default:
      return z % 8;
  }
}

}  // namespace

std::vector<std::byte> numbers_by_name(const TensorInfo& info) {
  const std::size_t size = static_cast<std::size_t>(bits(info.dtype)) / 8;
  std::vector<std::byte> bytes(info.bytes());
  std::uint64_t state = seed_of(info.name);
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    state += 0x9E3779B97F4A7C15;
    const std::uint64_t number = bits_of(info.dtype, mixed(state));
    std::memcpy(&bytes[at], &number, size);  // little-endian machines only, as everywhere
  }
  return bytes;
}

}  // namespace rulec::testing
