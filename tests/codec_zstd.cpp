// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/codec/compression.h"

namespace rulec::codec_zstd_test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t Plenty = 1U << 20U;

Bytes of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Of these bytes, `few` values of them only.
Bytes random_bytes(std::size_t count, unsigned few) {
  std::mt19937 random(1);
  Bytes bytes(count);
  std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random() % few); });
  return bytes;
}

// As a program writes that does not know beforehand how much comes: the frame does not say its content's size.
Bytes streamed(const Bytes& bytes, bool has_checksum = false, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, has_checksum ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  Bytes frame(ZSTD_compressBound(bytes.size()) + 100);
  ZSTD_outBuffer out{frame.data(), frame.size(), 0};
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_inBuffer nothing{nullptr, 0, 0};
  while (in.pos < in.size) ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
  REQUIRE(ZSTD_compressStream2(context, &out, &nothing, ZSTD_e_end) == 0);
  ZSTD_freeCCtx(context);
  frame.resize(out.pos);
  return frame;
}

Bytes skippable() {
  return of(std::string_view("\x51\x2a\x4d\x18\x03\0\0\0abc", 11));
}

// In both ways, which agree: into memory of its own, and into the caller's, with its size as the limit.
Decoded unpacked(std::span<const std::byte> frames, std::uint64_t limit) {
  Decoded decoded = decode_zstd(frames, limit);
  Bytes into(std::min(limit, 4 * Plenty));
  const Unpacked there = decode_zstd(frames, into);
  if (there.error.empty()) {
    into.resize(there.bytes);
    CHECK(into == decoded.bytes);
  }
  if (into.size() == limit || there.error.empty()) {
    CHECK(there.error == decoded.error);
    CHECK(there.is_over_limit == decoded.is_over_limit);
  }
  return decoded;
}

void check_refused(const Decoded& decoded, std::string_view words, bool is_over_limit) {
  CHECK(!decoded);
  CHECK(decoded.bytes.empty());
  CHECK_MESSAGE(decoded.error.find(words) != std::string::npos, decoded.error);
  CHECK(decoded.is_over_limit == is_over_limit);
}

}  // namespace

TEST_CASE("what zstd packs it unpacks, with the size stated or not") {
  for (const std::size_t count : {0U, 1U, 100U, 70'000U, 1'000'000U}) {
    for (const unsigned few : {1U, 4U, 256U}) {
      const Bytes bytes = random_bytes(count, few);
      for (const int level : {-5, 0, 3, 19}) {
        const Bytes frame = encode_zstd(bytes, level);
        Bytes room(count + count / 8 + Plenty);
        room.resize(encode_zstd(bytes, level, room));
        CHECK(room == frame);
        CHECK(ZSTD_getFrameContentSize(frame.data(), frame.size()) == count);
        const Decoded decoded = unpacked(frame, count);
        CHECK_MESSAGE(decoded, decoded.error);
        CHECK(decoded.bytes == bytes);
      }
      CHECK(unpacked(streamed(bytes), count).bytes == bytes);
      CHECK(unpacked(streamed(bytes, true), ~std::uint64_t{0}).bytes == bytes);
    }
  }
}

TEST_CASE("zstd frames may follow each other") {
  const Bytes a = random_bytes(1000, 4);
  const Bytes b = random_bytes(5000, 7);
  CHECK(unpacked(encode_zstd(a, 0) + skippable() + streamed(b), Plenty).bytes == a + b);
  CHECK(unpacked(encode_zstd({}, 0) + encode_zstd(a, 0), Plenty).bytes == a);
}

TEST_CASE("zstd stops at its limit") {
  const Bytes bomb = Bytes(3'000'000);
  for (const Bytes& frame : {encode_zstd(bomb, 3), streamed(bomb), encode_zstd(Bytes(1000), 3) + streamed(bomb)}) {
    CHECK(frame.size() < 1000);
    for (const std::uint64_t limit : {0U, 1U, 999U, 100'000U, 2'999'999U})
      check_refused(unpacked(frame, limit), "unpacks to more than", true);
  }
  check_refused(unpacked(streamed(bomb, false, 28), Plenty), "window", true);
  CHECK(unpacked(streamed(bomb, false, 27), bomb.size()));
}

TEST_CASE("zstd refuses what is no frame") {
  const Bytes frame = encode_zstd(random_bytes(500, 5), 3);
  check_refused(unpacked({}, Plenty), "no zstd frame", false);
  check_refused(unpacked(of("no frame at all"), Plenty), "no zstd frame begins at its byte 0", false);
  check_refused(unpacked(of("\x27\xb5\x2f\xfd of the year 2016"), Plenty), "no zstd frame begins", false);
  check_refused(unpacked(frame + of("more"), Plenty), "begins at its byte", false);
  check_refused(unpacked(frame + of("m"), Plenty), "", false);
}

TEST_CASE("no cut of a zstd frame is taken for the frame") {
  for (const Bytes& frame : {encode_zstd(random_bytes(300, 3), 3), streamed(random_bytes(300, 3), true)}) {
    for (std::size_t size = 1; size < frame.size(); ++size)
      check_refused(unpacked(std::span(frame).first(size), Plenty), "cut off", false);
  }
}

TEST_CASE("no byte of a zstd frame makes the decoder fall") {
  const Bytes bytes = random_bytes(300, 3);
  const Bytes frame = streamed(bytes, true);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      Bytes bad = frame;
      bad[i] ^= static_cast<std::byte>(flip);
      const Decoded decoded = unpacked(bad, 1000);
      CHECK(decoded.bytes.size() <= 1000);
      if (decoded) CHECK(decoded.bytes == bytes);
    }
  }
}

}  // namespace rulec::codec_zstd_test
