// SPDX-License-Identifier: Apache-2.0
#include <blosc.h>
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>

#include "engine/codec/compression.h"
#include "tests/scratch.h"

namespace rulec::codec_blosc_test {

using testing::random_bytes;

namespace {

constexpr const char* Compressors[] = {"lz4", "lz4hc", "blosclz", "zlib", "zstd"};

std::string packed(const std::string& bytes, const char* compressor, int shuffle, std::size_t type_bytes) {
  std::string out(bytes.size() + BLOSC_MAX_OVERHEAD, '\0');
  const int size =
      blosc_compress_ctx(5, shuffle, type_bytes, bytes.size(), bytes.data(), out.data(), out.size(), compressor, 0, 1);
  REQUIRE(size > 0);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Decoded decoded(const std::string& container, std::uint64_t limit = 1U << 20U) {
  return decode_blosc(std::as_bytes(std::span(container)), limit);
}

std::string text(const Decoded& decoded) {
  return {reinterpret_cast<const char*>(decoded.bytes.data()), decoded.bytes.size()};
}

// Random, but of few values, so that there is something to pack.
std::string packable(std::size_t size) {
  std::string bytes = random_bytes(size, 9);
  for (char& c : bytes) c &= 3;
  return bytes;
}

void check_refused(const Decoded& decoded, std::string_view words, bool is_over_limit = false) {
  CHECK(!decoded);
  CHECK(decoded.bytes.empty());
  CHECK_MESSAGE(decoded.error.find(words) != std::string::npos, decoded.error);
  CHECK(decoded.is_over_limit == is_over_limit);
}

}  // namespace

TEST_CASE("what blosc packs is unpacked, by every compressor and shuffle") {
  for (const char* compressor : Compressors) {
    for (const int shuffle : {BLOSC_NOSHUFFLE, BLOSC_SHUFFLE, BLOSC_BITSHUFFLE}) {
      for (const std::size_t type_bytes : {1U, 2U, 4U, 8U, 7U}) {
        for (const std::size_t size : {0U, 1U, 200U, 100'000U}) {
          for (const std::string& bytes : {packable(size), random_bytes(size, 4)}) {
            const Decoded result = decoded(packed(bytes, compressor, shuffle, type_bytes), size);
            CHECK_MESSAGE(result, result.error);
            CHECK(text(result) == bytes);
          }
        }
      }
    }
  }
}

TEST_CASE("blosc stops at its limit, and believes no size that cannot be") {
  const std::string bomb = packed(std::string(3'000'000, '\0'), "zstd", 1, 4);
  CHECK(bomb.size() < 5000);
  for (const std::uint64_t limit : {0U, 1U, 2'999'999U})
    check_refused(decoded(bomb, limit), "unpacks to more than", true);
  CHECK(decoded(bomb, 3'000'000));
  std::string liar = packed(packable(1000), "lz4", 1, 4);
  liar[7] = 0x70;  // of the size, its highest byte
  check_refused(decoded(liar, ~std::uint64_t{0}), "claims to hold 18");
}

TEST_CASE("blosc refuses what is cut off or followed by something") {
  const std::string container = packed(packable(1000), "lz4", 1, 4);
  for (std::size_t size = 0; size < container.size(); ++size)
    check_refused(decoded(container.substr(0, size)), size < 16 ? "its header alone has 16" : "damaged");
  check_refused(decoded(container + "more"), "damaged");
}

TEST_CASE("no byte of a blosc container makes the decoder fall") {
  for (const char* compressor : Compressors) {
    const std::string container = packed(packable(600), compressor, 1, 4);
    for (std::size_t i = 0; i < container.size(); ++i) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string bad = container;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        const Decoded result = decoded(bad, 1000);
        CHECK(result.bytes.size() <= 1000);
        CHECK(result.error.empty() == static_cast<bool>(result));
      }
    }
  }
}

}  // namespace rulec::codec_blosc_test
