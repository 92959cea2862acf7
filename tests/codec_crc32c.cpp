// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "engine/codec/crc32c.h"
#include "engine/codec/crc32c_portable.h"

namespace rulec::codec_crc32c_test {
namespace {

struct Known {
  std::vector<std::byte> bytes;
  std::uint32_t crc;
};

std::vector<std::byte> of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> counted(int first, int step) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<std::byte>(first + i * step));
  return bytes;
}

std::vector<std::byte> random_bytes(std::size_t count) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(count);
  std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

}  // namespace

TEST_CASE("crc32c gives the sums that are published") {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  const Known table[] = {
      {of(""), 0},
      {of("123456789"), 0xE3069283},
      {std::vector<std::byte>(32, std::byte{0}), 0x8A9136AA},
      {std::vector<std::byte>(32, std::byte{0xFF}), 0x62A8AB43},
      {counted(0, 1), 0x46DD794E},
      {counted(31, -1), 0x113FDB5C},
  };
  for (const Known& row : table) {
    CHECK(crc32c(row.bytes) == row.crc);
    CHECK(crc32c_portable(row.bytes) == row.crc);
  }
}

TEST_CASE("crc32c is the same by instruction and by table, at every length and place") {
  const std::vector<std::byte> bytes = random_bytes(300);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size = 0; begin + size <= bytes.size(); ++size) {
      const auto part = std::span(bytes).subspan(begin, size);
      REQUIRE(crc32c(part) == crc32c_portable(part));
    }
  }
}

TEST_CASE("crc32c may be taken in parts") {
  const std::vector<std::byte> bytes = random_bytes(100);
  const std::span<const std::byte> whole(bytes);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    CHECK(crc32c(whole.subspan(cut), crc32c(whole.first(cut))) == crc32c(whole));
    CHECK(crc32c_portable(whole.subspan(cut), crc32c_portable(whole.first(cut))) == crc32c(whole));
  }
}

}  // namespace rulec::codec_crc32c_test
