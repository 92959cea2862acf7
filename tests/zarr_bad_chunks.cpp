// SPDX-License-Identifier: Apache-2.0
// What is stored of an array, damaged: one message by chunk and tensor, or the same numbers; never a fall.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/codec/compression.h"
#include "tests/store_checks.h"
#include "tests/zarr_sources.h"

namespace rulec::zarr_bad_chunks_test {

using namespace testing;
using zarr::ChunkCache;
using zarr::MissingChunks;
namespace fs = std::filesystem;

namespace {

const fs::path Variants = fs::path(RULEC_TESTS_DIR) / "data/zarr/variants.safetensors";

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string zstd(std::string_view bytes) {
  return text(encode_zstd(std::as_bytes(std::span(bytes)), 1));
}

// A zarr 2 array of eight float32 in two chunks of zstd.
ValueSource zstd_array() {
  ValueSource source;
  source.values[".zarray"] =
      R"({"chunks":[4],"compressor":{"id":"zstd","level":1},"dtype":"<f4","fill_value":null,"filters":null,)"
      R"("order":"C","shape":[8],"zarr_format":2})";
  source.values["0"] = zstd("0123456789abcdef");
  source.values["1"] = zstd("ghijklmnopqrstuv");
  return source;
}

// A number in the index of a shard of n chunks, which has no checksum to be made right again.
void set_index(std::string& shard, std::size_t slots, std::size_t at, std::uint64_t number) {
  const std::size_t begin = shard.size() - slots * 16 + at * 8;
  for (std::size_t i = 0; i < 8; ++i) shard[begin + i] = static_cast<char>(number >> 8 * i);
}

}  // namespace

TEST_CASE("a chunk that is not what the document says is told by its name") {
  struct Row {
    const char* what;
    std::string value;
    std::string_view words;
  };
  const std::string good = zstd("0123456789abcdef");
  const Row rows[] = {
      {"empty", "", "there is no zstd frame"},
      {"not packed", "0123456789abcdef", "no zstd frame begins"},
      {"cut off", good.substr(0, good.size() - 1), "cut off"},
      {"shorter", zstd("0123456789ab"), "it unpacks to 12 bytes, expected 16"},
      {"longer", zstd("0123456789abcdefg"), "it unpacks to more than the 16 bytes that a chunk has"},
      {"a bomb", zstd(std::string(100'000'000, '\0')), "it unpacks to more than the 16 bytes"},
      {"followed by something", good + "more bytes", "no zstd frame begins"},
      {"far too long", std::string(2'000'000, 'x'), "it is stored in 2000000 bytes, expected at most"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    ValueSource source = zstd_array();
    source.values["1"] = row.value;
    const Diagnostics diags = said_of(source);
    CHECK(diags.errors() == 1);
    check_found(diags, "R0832", "chunk `1` of tensor `t`: ");
    check_found(diags, "R0832", row.words);
    CHECK(std::get<FilePlace>(diags.all()[0].primary.place) == FilePlace{"1", 0});
  }
}

TEST_CASE("several frames may make one chunk") {
  ValueSource source = zstd_array();
  source.values["1"] = zstd("ghijklmn") + zstd("opqrstuv");
  CHECK(said_of(source).all().empty());
}

TEST_CASE("a raw chunk has exactly its size") {
  std::map<std::string, ValueSource> arrays = read_values(Variants);
  for (const char* name : {"2 raw", "2 big-endian", "2 F", "3 raw", "3 transpose"}) {
    CAPTURE(name);
    const std::string key = name[0] == '2' ? "0.1" : "c/0/1";
    for (const int more : {-1, 1}) {
      ValueSource source = arrays[name];
      source.values[key].resize(source.values[key].size() + static_cast<std::size_t>(more));
      check_found(said_of(source), "R0832", "bytes, expected");
    }
  }
}

TEST_CASE("a chunk that would take more memory than any chunk is refused before it is read") {
  ValueSource source = zstd_array();
  source.values[".zarray"] =
      R"({"chunks":[1099511627776],"compressor":{"id":"zstd","level":1},"dtype":"<f4","fill_value":null,)"
      R"("filters":null,"order":"C","shape":[8],"zarr_format":2})";
  check_found(said_of(source), "R0803", "a chunk of tensor `t`, which is to be unpacked, has 4398046511104 bytes");
}

TEST_CASE("a checksum that is wrong is told") {
  std::map<std::string, ValueSource> arrays = read_values(Variants);
  ValueSource& chunk = arrays["3 crc32c"];
  chunk.values["c/0/0"][3] ^= 1;
  check_found(said_of(chunk), "R0832", "chunk `c/0/0` of tensor `t`: its checksum is 0x");
  chunk.values["c/0/0"] = "abc";
  check_found(said_of(chunk), "R0832", "it has 3 bytes, its checksum alone has 4");
  ValueSource& shard = arrays["3 shards"];
  shard.values["c/0/0"].back() ^= 1;
  check_found(said_of(shard), "R0832", "of tensor `t`: the checksum of its index is 0x");
}

TEST_CASE("an index of a shard points into the shard") {
  const ValueSource good = read_values(Variants)["3 shards no crc"];  // 1 x 4 chunks of 8 bytes
  const std::uint64_t size = good.values.at("c/0/0").size();
  const std::pair<std::uint64_t, std::uint64_t> rows[] = {
      {size + 1, 8},          {size - 7, 8},          {~std::uint64_t{0} - 3, 8},
      {0, ~std::uint64_t{0}}, {~std::uint64_t{0}, 8}, {8, ~std::uint64_t{0} - 4}};
  for (const auto& [offset, length] : rows) {
    CAPTURE(offset);
    ValueSource source = good;
    set_index(source.values["c/0/0"], 4, 2, offset);
    set_index(source.values["c/0/0"], 4, 3, length);
    check_found(said_of(source), "R0832", "chunk `c/0/0, inner chunk 1` of tensor `t`: its ");
    check_found(said_of(source), "R0832", "leave the shard of");
  }
  ValueSource source = good;
  set_index(source.values["c/0/0"], 4, 3, 7);
  check_found(said_of(source), "R0832", "it has 7 bytes, expected 8");
  source.values["c/0/0"].resize(63);
  check_found(said_of(source), "R0832", "the shard has 63 bytes, its index alone has 64");
}

TEST_CASE("keys that are no chunk's are passed over") {
  ValueSource source = zstd_array();
  for (const char* key : {"00", "-1", "2", "0.0", ".zattrs"}) source.values[key] = "?";
  CHECK(said_of(source).all().empty());
}

TEST_CASE("no byte and no cut of a chunk makes the reader fall") {
  for (const auto& [name, good] : read_values(Variants)) {
    if (name.starts_with("2 blosc") && name != "2 blosc lz4 1") continue;
    CAPTURE(name);
    const std::string& truth = good.values.at("truth");
    for (const auto& [key, value] : good.values) {
      if (key == "truth" || key == ".zarray" || key == "zarr.json" || key.back() == '1') continue;
      ValueSource source = good;
      for (std::size_t size = 0; size < value.size(); ++size) {
        source.values[key] = value.substr(0, size);
        CHECK(said_of(source, MissingChunks::AreFilled).errors() > 0);
      }
      for (std::size_t i = 0; i < value.size(); ++i) {
        source.values[key] = value;
        source.values[key][i] = static_cast<char>(value[i] ^ 0x81);
        said_of(source, MissingChunks::AreFilled);
      }
      source.values[key] = value;
      ChunkCache cache;
      CHECK(bytes_of(opened_silently(source, cache, MissingChunks::AreFilled)) == truth);
    }
  }
}

}  // namespace rulec::zarr_bad_chunks_test
