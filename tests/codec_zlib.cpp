// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <zlib.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/codec/compression.h"
#include "tests/scratch.h"

namespace rulec::codec_zlib_test {

using testing::random_bytes;

namespace {

using Decode = Decoded (*)(std::span<const std::byte>, std::uint64_t);

struct Format {
  const char* name;
  int window_bits;
  Decode decode;
};

constexpr Format Formats[] = {{"zlib stream", 15, decode_zlib}, {"gzip member", 15 + 16, decode_gzip}};

std::string packed(const std::string& bytes, const Format& format, int level = 6) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, format.window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

Decoded decoded(const std::string& stream, const Format& format, std::uint64_t limit = 1U << 20U) {
  return format.decode(std::as_bytes(std::span(stream)), limit);
}

std::string text(const Decoded& decoded) {
  return {reinterpret_cast<const char*>(decoded.bytes.data()), decoded.bytes.size()};
}

void check_refused(const Decoded& decoded, std::string_view words, bool is_over_limit = false) {
  CHECK(!decoded);
  CHECK(decoded.bytes.empty());
  CHECK_MESSAGE(decoded.error.find(words) != std::string::npos, decoded.error);
  CHECK(decoded.is_over_limit == is_over_limit);
}

}  // namespace

TEST_CASE("what zlib packs is unpacked") {
  for (const Format& format : Formats) {
    for (const std::size_t size : {0U, 1U, 1000U, 65536U, 65537U, 300'000U}) {
      for (const std::string& bytes : {std::string(size, 'x'), random_bytes(size, 5)}) {
        for (const int level : {0, 1, 9}) {
          const Decoded result = decoded(packed(bytes, format, level), format, size);
          CHECK_MESSAGE(result, result.error);
          CHECK(text(result) == bytes);
        }
      }
    }
  }
}

TEST_CASE("zlib stops at its limit") {
  for (const Format& format : Formats) {
    const std::string bomb = packed(std::string(3'000'000, '\0'), format, 9);
    CHECK(bomb.size() < 5000);
    for (const std::uint64_t limit : {0U, 1U, 65535U, 65536U, 65537U, 2'999'999U})
      check_refused(decoded(bomb, format, limit), "unpacks to more than", true);
    CHECK(decoded(bomb, format, 3'000'000));
  }
}

TEST_CASE("zlib refuses what is cut, followed by something or of another format") {
  for (const Format& format : Formats) {
    const std::string stream = packed(random_bytes(300, 2), format);
    for (std::size_t size = 0; size < stream.size(); ++size)
      check_refused(decoded(stream.substr(0, size), format), "is cut off");
    check_refused(decoded(stream + "more", format), "is followed by 4 bytes");
    check_refused(decoded(stream + stream, format), "is followed by");
    check_refused(decoded("no stream at all", format), "is damaged: incorrect header check");
  }
  check_refused(decoded(packed("x", Formats[0]), Formats[1]), "gzip member is damaged");
  check_refused(decoded(packed("x", Formats[1]), Formats[0]), "zlib stream is damaged");
}

TEST_CASE("no byte of a zlib stream makes the decoder fall") {
  for (const Format& format : Formats) {
    const std::string bytes = random_bytes(100, 3) + std::string(200, 'x');
    const std::string stream = packed(bytes, format);
    for (std::size_t i = 0; i < stream.size(); ++i) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string bad = stream;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        const Decoded result = decoded(bad, format, 1000);
        CHECK(result.bytes.size() <= 1000);
        if (result) CHECK(text(result) == bytes);  // a time, or a system
      }
    }
  }
}

}  // namespace rulec::codec_zlib_test
