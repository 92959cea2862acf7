// SPDX-License-Identifier: Apache-2.0
#include "engine/codec/crc32c.h"

#include <array>
#include <cstring>

#include "engine/codec/crc32c_portable.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define RULEC_CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define RULEC_CRC_TARGET __attribute__((target("+crc")))
#endif

namespace rulec {
namespace {

constexpr std::array<std::uint32_t, 256> Table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = crc;
  }
  return table;
}();

#ifdef RULEC_CRC_TARGET

#if defined(__x86_64__)
bool has_instruction() {
  return __builtin_cpu_supports("sse4.2") != 0;
}
RULEC_CRC_TARGET std::uint32_t add_word(std::uint32_t crc, std::uint64_t word) {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
}
RULEC_CRC_TARGET std::uint32_t add_byte(std::uint32_t crc, std::byte byte) {
  return _mm_crc32_u8(crc, std::to_integer<std::uint8_t>(byte));
}
#else
bool has_instruction() {
  return (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
RULEC_CRC_TARGET std::uint32_t add_word(std::uint32_t crc, std::uint64_t word) {
  return __crc32cd(crc, word);
}
RULEC_CRC_TARGET std::uint32_t add_byte(std::uint32_t crc, std::byte byte) {
  return __crc32cb(crc, std::to_integer<std::uint8_t>(byte));
}
#endif

RULEC_CRC_TARGET std::uint32_t crc32c_by_instruction(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes = bytes.subspan(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = add_word(crc, word);
  }
  for (const std::byte byte : bytes) crc = add_byte(crc, byte);
  return ~crc;
}

#endif

}  // namespace

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) crc = (crc >> 8U) ^ Table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
#ifdef RULEC_CRC_TARGET
  if (has_instruction()) return crc32c_by_instruction(bytes, before);
#endif
  return crc32c_portable(bytes, before);
}

}  // namespace rulec
