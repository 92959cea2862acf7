// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "engine/zarr/metadata.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"
#include "tests/zarr_sources.h"

namespace rulec::zarr_metadata_test {

using namespace testing;
using namespace zarr;
namespace fs = std::filesystem;

namespace {

const fs::path Data = fs::path(RULEC_TESTS_DIR) / "data";

// Every document of a checkpoint that Orbax wrote.
std::set<std::string> documents() {
  std::set<std::string> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(Data / "orbax")) {
    const std::string name = entry.path().filename().string();
    if (name == Zarr2Key || name == Zarr3Key) out.insert(read_file(entry.path()));
  }
  for (const char* file : {"chunked_zarr3", "sharded_chunked_zarr3", "dtypes_zarr3", "dtypes_small_zarr3"}) {
    for (const auto& [name, source] : read_values(Data / "zarr" / (std::string(file) + ".safetensors"))) {
      out.insert(source.values.at(std::string(Zarr3Key)));
    }
  }
  return out;
}

Result<ArrayMetadata> parsed(const std::string& text, Diagnostics& diags) {
  return text.find("\"zarr_format\":2") != std::string::npos ? parse_zarr2(text, "d", diags)
                                                             : parse_zarr3(text, "d", diags);
}

// A good document, and what a row changes in it.
const std::string Good2 =
    R"({"chunks":[2,3],"compressor":null,"dimension_separator":".","dtype":"<f4","fill_value":null,)"
    R"("filters":null,"order":"C","shape":[4,5],"zarr_format":2})";
const std::string Good3 =
    R"({"chunk_grid":{"configuration":{"chunk_shape":[2,4]},"name":"regular"},)"
    R"("chunk_key_encoding":{"name":"default"},"codecs":[{"configuration":{"chunk_shape":[1,2],)"
    R"("codecs":[{"configuration":{"endian":"little"},"name":"bytes"}],)"
    R"("index_codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"name":"crc32c"}]},)"
    R"("name":"sharding_indexed"}],"data_type":"float32","fill_value":0.0,"node_type":"array","shape":[4,5],)"
    R"("zarr_format":3})";
const std::string Codecs3 =
    Good3.substr(Good3.find("\"codecs\":"), Good3.find(",\"data_type\"") - Good3.find("\"codecs\":"));

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE_MESSAGE(at != std::string::npos, what);
  return text.replace(at, what.size(), by);
}

struct Row {
  const std::string* good;
  std::string what;
  std::string by;
  std::string_view words;  // empty: it is still good
  std::string_view id = "R0830";
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const std::string text = replaced(*row.good, row.what, row.by);
    CAPTURE(text);
    Diagnostics diags;
    const bool is_2 = row.good == &Good2;
    const bool is_good = static_cast<bool>(is_2 ? parse_zarr2(text, "d", diags) : parse_zarr3(text, "d", diags));
    CHECK_MESSAGE(is_good == row.words.empty(), render_text(diags));
    CHECK(diags.errors() == (row.words.empty() ? 0 : 1));
    if (!row.words.empty()) check_found(diags, row.id, row.words);
  }
}

// A list of codecs in the place of the good one.
Row codecs(const std::string& list, std::string_view words, std::string_view id = "R0830") {
  return {&Good3, Codecs3, "\"codecs\":[" + list + "]", words, id};
}

const std::string Bytes = R"({"name":"bytes","configuration":{"endian":"little"}})";

std::string shards(const std::string& chunk, const std::string& codecs, const std::string& index,
                   const std::string& more = "") {
  return R"({"name":"sharding_indexed","configuration":{"chunk_shape":)" + chunk + R"(,"codecs":[)" + codecs +
         R"(],"index_codecs":[)" + index + "]" + more + "}}";
}

}  // namespace

TEST_CASE("a document of Orbax is written as Orbax writes it, to the byte") {
  const std::set<std::string> all = documents();
  CHECK(all.size() > 40);
  for (const std::string& text : all) {
    CAPTURE(text);
    Diagnostics diags;
    const Result<ArrayMetadata> array = parsed(text, diags);
    REQUIRE_MESSAGE(array, render_text(diags));
    CHECK(metadata_text(*array) == text);
  }
}

TEST_CASE("a zarr 2 document is judged member by member") {
  check_rows({
      {&Good2, "{", "{", ""},
      {&Good2, "{", " {\n\t", ""},
      {&Good2, "}", ",\"others\":{\"a\":[1]}}", ""},
      {&Good2, R"("dimension_separator":".",)", "", ""},
      {&Good2, R"("filters":null)", R"("filters":[])", ""},
      {&Good2, "\"C\"", "\"F\"", ""},
      {&Good2, "\".\"", "\"/\"", ""},
      {&Good2, "<f4", ">f4", ""},
      {&Good2, "<f4", "bfloat16", ""},
      {&Good2, "[4,5]", "[0,5]", ""},
      {&Good2, R"("compressor":null)", R"("compressor":{"id":"zstd"})", ""},
      {&Good2, R"("compressor":null)", R"("compressor":{"id":"zstd","level":-7})", ""},
      {&Good2, R"("compressor":null)", R"("compressor":{"id":"blosc","cname":"lz4","clevel":5,"shuffle":1})", ""},
      {&Good2, "{", "", "expected end of input"},
      {&Good2, "{", "[{", "unexpected"},
      {&Good2, "\"zarr_format\":2}", "\"zarr_format\":2,\"shape\":[4,5]}", "`shape` stands twice"},
      {&Good2, ":2}", ":9}", "`zarr_format` is the number `9`"},
      {&Good2, ":2}", ":\"2\"}", "`zarr_format` is the string `2`"},
      {&Good2, R"("filters":null,)", "", "`filters` is missing"},
      {&Good2, R"("fill_value":null,)", "", "`fill_value` is missing"},
      {&Good2, R"("fill_value":null)", R"("fill_value":"NaN")", ""},
      {&Good2, R"("fill_value":null)", R"("fill_value":"0x7fc00000")", "`fill_value` is the string `0x7fc00000`"},
      {&Good2, R"("compressor":null,)", "", "`compressor` is missing"},
      {&Good2, R"("filters":null)", R"("filters":[{"id":"delta"}])", "`filters` is a list, expected null"},
      {&Good2, "\"C\"", "\"K\"", "`order` is the string `K`, expected `C` or `F`"},
      {&Good2, "\".\"", "\"-\"", "`dimension_separator` is the string `-`"},
      {&Good2, "[2,3]", "[2,3,4]", "`chunks` has 3 axes, `shape` has 2"},
      {&Good2, "[2,3]", "[2,0]", "`chunks` has the number `0`, expected whole numbers from 1"},
      {&Good2, "[2,3]", "[2,-3]", "`chunks` has the number `-3`"},
      {&Good2, "[2,3]", "[2,3.0]", "`chunks` has the number `3.0`"},
      {&Good2, "[2,3]", "3", "`chunks` is the number `3`, expected a list"},
      {&Good2, "[4,5]", "[4,\"5\"]", "`shape` has the string `5`"},
      {&Good2, "[4,5]", "[4,9223372036854775808]", "`shape` has the number `9223372036854775808`"},
      {&Good2, "[2,3]", "[4294967296,4294967296]", "do not fit into 63 bits"},
      {&Good2, "[4,5]", "[4611686018427387904,1]", "do not fit into 63 bits"},
      {&Good2, "[4,5]", "[0,4611686018427387904]", "do not fit into 63 bits"},
      {&Good2, "[4,5]", "[4,4398046511104]", "chunks, over the limit of 2^40", "R0803"},
      {&Good2, "<f4", "<f5", "`dtype` is the string `<f5`, expected a type such as"},
      {&Good2, "<f4", "|O", "`dtype` is the string `|O`"},
      {&Good2, "<f4", "<U8", "`dtype` is the string `<U8`"},
      {&Good2, "<f4", "|f4", "`dtype` is the string `|f4`"},
      {&Good2, "<f4", "<bfloat16", "`dtype` is the string `<bfloat16`"},
      {&Good2, "\"<f4\"", R"([["a","<f4"]])", "`dtype` is a list"},
      {&Good2, R"("compressor":null)", R"("compressor":"zstd")", "`compressor` is the string `zstd`"},
      {&Good2, R"("compressor":null)", R"("compressor":{})", "`id` is missing"},
      {&Good2, R"("compressor":null)", R"("compressor":{"id":"bz2"})", "the compressor `bz2` is unknown"},
      {&Good2, R"("compressor":null)", R"("compressor":{"id":"zstd","checksum":true})", "has the member `checksum`"},
      {&Good2, R"("compressor":null)", R"("compressor":{"id":"zstd","level":23})", "`level` is the number `23`"},
  });
}

TEST_CASE("a zarr 3 document is judged member by member") {
  check_rows({
      {&Good3, "{", "{", ""},
      {&Good3, ":3}", R"(:3,"attributes":{"a":1},"dimension_names":[null,"x"],"storage_transformers":[]})", ""},
      {&Good3, ":3}", R"(:3,"later":{"must_understand":false}})", ""},
      {&Good3, R"("name":"default")", R"("name":"default","configuration":{"separator":"."})", ""},
      {&Good3, R"("name":"default")", R"("name":"v2","configuration":{})", ""},
      {&Good3, R"("index_codecs")", R"("index_location":"start","index_codecs")", ""},
      {&Good3, R"(,{"name":"crc32c"})", "", ""},
      {&Good3, ":3}", ":2}", "`zarr_format` is the number `2`"},
      {&Good3, "\"array\"", "\"group\"", "`node_type` is the string `group`, expected `array`"},
      {&Good3, "\"float32\"", "\"r32\"", "`data_type` is the string `r32`"},
      {&Good3, "\"float32\"", R"({"name":"struct"})", "`data_type` is an object"},
      {&Good3, ":3}", R"(:3,"later":1})", "it has the member `later`, which rulec does not know"},
      {&Good3, ":3}", R"(:3,"later":{"must_understand":true}})", "it has the member `later`"},
      {&Good3, ":3}", R"(:3,"storage_transformers":[{}]})", "`storage_transformers` is a list, expected none"},
      {&Good3, "\"regular\"", "\"rectilinear\"", "`chunk_grid` is of the kind `rectilinear`, expected `regular`"},
      {&Good3, "[2,4]", "[2]", "`chunk_shape` has 1 axes, `shape` has 2"},
      {&Good3, "[2,4]", "[2,3]", "inner chunks of [1 2] do not divide shards of [2 3]"},
      {&Good3, "[2,4]", "[2,4294967296]", "inner chunks a shard, over the limit of 2^30", "R0803"},
      {&Good3, "\"default\"", "\"v3\"", "`chunk_key_encoding` is of the kind `v3`"},
      {&Good3, R"("name":"default")", R"("name":"v2","configuration":{"separator":"x"})", "`separator` is the string"},
      {&Good3, R"("name":"default")", R"("name":"v2","more":1)", "`chunk_key_encoding` has the member `more`"},
      {&Good3, "\"fill_value\":0.0", "\"fill_value\":null", "`fill_value` is null, expected a value of float32"},
      {&Good3, "\"fill_value\":0.0,", "", "`fill_value` is missing"},
      {&Good3, R"("index_codecs")", R"("index_location":"middle","index_codecs")", "`index_location` is the string"},
      {&Good3, R"({"name":"crc32c"})", R"({"name":"zstd","configuration":{"level":1}})", "`index_codecs` are others"},
      {&Good3, R"({"name":"crc32c"})", R"("crc32c")", "`index_codecs` is the string `crc32c`, expected codecs"},
  });
}

TEST_CASE("the codecs of a zarr 3 document are judged one by one") {
  const std::string transpose = R"({"name":"transpose","configuration":{"order":)";
  check_rows({
      codecs(Bytes, ""),
      codecs(transpose + "[1,0]}}," + Bytes, ""),
      codecs(transpose + "\"F\"}}," + Bytes, ""),
      codecs(Bytes + R"(,{"name":"zstd","configuration":{"level":3,"checksum":true}},{"name":"crc32c"})", ""),
      codecs(Bytes + R"(,{"name":"gzip","configuration":{"level":3}})", ""),
      codecs(shards("[1,1]", Bytes, Bytes), ""),
      codecs("", "`codecs` has no `bytes`"),
      codecs(R"({"name":"crc32c"})", "the codec `crc32c` stands before `bytes`"),
      codecs(Bytes + "," + Bytes, "the codec `bytes` stands behind `bytes`"),
      codecs(Bytes + "," + transpose + "[1,0]}}", "the codec `transpose` stands behind `bytes`"),
      codecs(transpose + "[0,0]}}," + Bytes, "`order` is a list, expected an order of its 2 axes"),
      codecs(transpose + "[0]}}," + Bytes, "`order` is a list"),
      codecs(transpose + "[0,-1]}}," + Bytes, "`order` is a list"),
      codecs(transpose + "[18446744073709551615,0]}}," + Bytes, "`order` is a list"),
      codecs(R"({"name":"bytes"})", "`endian` is missing"),
      codecs(R"({"name":"bytes","configuration":{"endian":"middle"}})", "`endian` is the string `middle`"),
      codecs(R"("bytes")", "`codecs` is the string `bytes`, expected codecs, each an object"),
      codecs(R"({"name":"bytes","must_understand":false})", "a codec has the member `must_understand`"),
      codecs(Bytes + R"(,{"name":"bz2"})", "the codec `bz2` is unknown"),
      codecs(Bytes + R"(,{"name":"zstd"})", "`level` is missing"),
      codecs(Bytes + R"(,{"name":"zstd","configuration":{"level":3,"x":1}})", "`zstd` has the member `x`"),
      codecs(Bytes + R"(,{"name":"gzip","configuration":{"level":10}})", "`level` is the number `10`"),
      codecs(Bytes + R"(,{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"x","blocksize":0}})",
             "`shuffle` is the string `x`"),
      codecs(
          Bytes + R"(,{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"shuffle","blocksize":0}})",
          "`typesize` is missing"),
      codecs(Bytes + R"(,{"name":"crc32c"},{"name":"crc32c"},{"name":"crc32c"},{"name":"crc32c"},{"name":"crc32c"})" +
                 R"(,{"name":"crc32c"},{"name":"crc32c"},{"name":"crc32c"})",
             "9 codecs, over the limit of 8", "R0803"),
      codecs(shards("[1,1]", shards("[1,1]", Bytes, Bytes), Bytes), "nested 9 deep", "R0803"),
      codecs(shards("[1,1]", R"({"name":"sharding_indexed"})", Bytes), "shards lie within shards"),
      codecs(shards("[1,1]", Bytes, Bytes) + R"(,{"name":"crc32c"})", "codecs follow `sharding_indexed`"),
      codecs(transpose + "[1,0]}}," + shards("[1,1]", Bytes, Bytes), "`transpose` stands before `sharding_indexed`"),
      codecs(shards("[1,1]", Bytes, ""), "`index_codecs` are others"),
      codecs(shards("[1]", Bytes, Bytes), "`chunk_shape` has 1 axes"),
      codecs(shards("[1,1]", Bytes, Bytes, ",\"x\":1"), "`sharding_indexed` has the member `x`"),
  });
}

TEST_CASE("fill values are of the array's type") {
  struct Fill {
    const char* type;
    const char* text;
    std::string_view bytes;  // of one element; empty if it is refused
  };
  using namespace std::string_view_literals;
  const Fill rows[] = {
      {"float32", "1.5", "\0\0\xc0\x3f"sv},
      {"float32", "1", "\0\0\x80\x3f"sv},
      {"float32", "-2", "\0\0\0\xc0"sv},
      {"float32", "\"Infinity\"", "\0\0\x80\x7f"sv},
      {"float32", "\"-Infinity\"", "\0\0\x80\xff"sv},
      {"float32", "\"0x7fc00001\"", "\x01\0\xc0\x7f"sv},
      {"bfloat16", "\"NaN\"", "\xc0\x7f"sv},
      {"float64", "-0.0", "\0\0\0\0\0\0\0\x80"sv},
      {"float8_e4m3fn", "2.0", "\x40"sv},
      {"float8_e8m0fnu", "0.0", "\0"sv},
      {"float8_e3m4", "0.0", "\0"sv},
      {"int8", "-128", "\x80"sv},
      {"int4", "-8", "\xf8"sv},
      {"uint64", "18446744073709551615", "\xff\xff\xff\xff\xff\xff\xff\xff"sv},
      {"int32", "0.0", "\0\0\0\0"sv},
      {"bool", "true", "\x01"sv},
      {"complex64", "[1.0, \"NaN\"]", "\0\0\x80\x3f\0\0\xc0\x7f"sv},
      {"float32", "\"1.5\"", ""sv},
      {"float32", "\"0x7fc0\"", ""sv},
      {"float32", "\"0x7fc0000g\"", ""sv},
      {"float32", "true", ""sv},
      {"float8_e3m4", "1.0", ""sv},
      {"int8", "-129", ""sv},
      {"int8", "128", ""sv},
      {"int4", "8", ""sv},
      {"uint8", "-1", ""sv},
      {"uint8", "1.5", ""sv},
      {"bool", "0", ""sv},
      {"complex64", "0.0", ""sv},
      {"complex64", "[0.0]", ""sv},
  };
  for (const Fill& row : rows) {
    const std::string text = replaced(replaced(Good3, "\"float32\"", fmt::format("\"{}\"", row.type)), ":0.0,",
                                      fmt::format(":{},", row.text));
    CAPTURE(text);
    Diagnostics diags;
    const Result<ArrayMetadata> array = parse_zarr3(text, "d", diags);
    REQUIRE(static_cast<bool>(array) == !row.bytes.empty());
    if (array) {
      CHECK(std::string_view(reinterpret_cast<const char*>(array->fill.data()), array->fill.size()) == row.bytes);
    } else {
      check_found(diags, "R0830", "`fill_value` is");
    }
  }
}

TEST_CASE("a place in a document is told") {
  Diagnostics diags;
  CHECK(!parse_zarr2(replaced(Good2, "[2,3]", "[2,x]"), "folder/.zarray", diags));
  CHECK(!parse_zarr2(replaced(Good2, "[2,3]", "[2,0]"), "folder/.zarray", diags));
  for (const Diagnostic& diagnostic : diags.all()) {
    const FilePlace place = std::get<FilePlace>(diagnostic.primary.place);
    CHECK(place.path == "folder/.zarray");
    CHECK(place.offset == Good2.find("3]"));
  }
}

TEST_CASE("a document with too much in it is refused by the limit") {
  Diagnostics diags;
  std::string ones = "[1";
  for (int i = 1; i < 33; ++i) ones += ",1";
  CHECK(!parse_zarr2(replaced(Good2, "[4,5]", ones + "]"), "d", diags));
  check_found(diags, "R0803", "33 axes, over the limit of 32");
  CHECK(!parse_zarr2(Good2 + std::string(1U << 20U, ' '), "d", diags));
  check_found(diags, "R0803", "bytes, over the limit of 1048576");
  CHECK(!parse_zarr3(replaced(Good3, ":3}", ":3,\"attributes\":" + nested_lists(100'000) + "}"), "d", diags));
  check_found(diags, "R0803", "nested 9 deep, over the limit of 8");
}

TEST_CASE("no byte and no cut of a document makes its reader fall") {
  for (const std::string& good : {Good2, Good3}) {
    const bool is_2 = good == Good2;
    std::size_t accepted = 0;
    const auto check = [&](const std::string& text) {
      Diagnostics diags;
      const Result<ArrayMetadata> array = is_2 ? parse_zarr2(text, "d", diags) : parse_zarr3(text, "d", diags);
      CHECK(static_cast<bool>(array) == (diags.errors() == 0));
      accepted += array ? 1 : 0;
    };
    for (std::size_t size = 0; size < good.size(); ++size) check(good.substr(0, size));
    CHECK(accepted == 0);
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (const char c : {'\0', '\x01', '\x7f', '\xff', '0', '9', '-', '"', '\\', '{', ']', ',', ' ',
                           static_cast<char>(good[i] ^ 1)}) {
        std::string bad = good;
        bad[i] = c;
        check(bad);
      }
    }
    CHECK(accepted > 0);
  }
}

}  // namespace rulec::zarr_metadata_test
