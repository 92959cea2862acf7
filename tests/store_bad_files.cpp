// SPDX-License-Identifier: Apache-2.0
// What is wrong with a file is told in one message, by the file, the place and what was expected; nothing crashes.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::store_bad_files_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

struct BadFile {
  std::string_view name;
  std::string bytes;
  std::string_view id;
  std::string_view words;
};

std::vector<BadFile> length_rows() {
  using namespace std::string_literals;
  return {
      {"empty file", "", "R0802", "it has 0 bytes, the length of the header alone has 8"},
      {"seven bytes", "1234567", "R0802", "it has 7 bytes"},
      {"length alone", safetensors_of_length(2, ""), "R0802", "its header has 2 bytes, only 0 are there"},
      {"length past the end", safetensors_of_length(100, "{}"), "R0802", "its header has 100 bytes, only 2 are there"},
      {"length 0", safetensors_of_length(0, "{}"), "R0802", "the length of its header is 0"},
      {"length 1", safetensors_of_length(1, "{}"), "R0802", "not JSON"},
      {"length 2^63", safetensors_of_length(1ULL << 63U, "{}"), "R0803",
       "9223372036854775808 bytes, over the limit of 100000000"},
      {"length 2^64 - 1", safetensors_of_length(~0ULL, "{}"), "R0803", "18446744073709551615 bytes"},
      {"length 2^64 - 8, which wraps", safetensors_of_length(~0ULL - 7, "{}"), "R0803", "over the limit"},
      {"length one over the limit", safetensors_of_length(100'000'001, "{}"), "R0803", "100000001 bytes"},
      {"length at the limit", safetensors_of_length(100'000'000, "{}"), "R0802",
       "its header has 100000000 bytes, only 2"},
      {"Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "R0811",
       "Git LFS pointer"},
      {"GGUF", "GGUF\3\0\0\0 and more"s, "R0802", "a GGUF file"},
      {"zip", "PK\x03\x04 and more bytes", "R0802", "a zip archive"},
      {"web page", "<!DOCTYPE html><html>", "R0802", "a web page"},
      {"an index in the place of a shard", "{\"weight_map\": {}}", "R0802", "JSON text"},
  };
}

std::vector<BadFile> json_rows() {
  using namespace std::string_literals;
  return {
      {"brace alone", safetensors("{", 0), "R0802", "unexpected end of input"},
      {"not an object", safetensors("[]", 0), "R0802", "the header is a list, expected an object"},
      {"a number", safetensors("17", 0), "R0802", "the header is the number `17`"},
      {"text behind the object", safetensors("{} x", 0), "R0802", "not JSON"},
      {"two objects", safetensors("{}{}", 0), "R0802", "not JSON"},
      {"NUL behind the object", safetensors("{}\0 "s, 0), "R0802", "NUL byte"},
      {"byte order mark", safetensors("\xEF\xBB\xBF{}", 0), "R0802", "byte order mark"},
      {"invalid UTF-8", safetensors("{\"\xff\":{}}", 0), "R0802", "ill-formed UTF-8"},
      {"overlong UTF-8", safetensors("{\"\xc0\xaf\":{}}", 0), "R0802", "ill-formed UTF-8"},
      {"UTF-8 surrogate", safetensors("{\"\xed\xa0\x80\":{}}", 0), "R0802", "ill-formed UTF-8"},
      {"unpaired surrogate escape", safetensors(R"({"\ud800":{}})", 0), "R0802", "surrogate"},
      {"newline within a name", safetensors("{\"a\nb\":{}}", 0), "R0802", "control character"},
      {"trailing comma", safetensors(R"({"__metadata__":{},})", 0), "R0802", "not JSON"},
      {"comment", safetensors("{/* */}", 0), "R0802", "not JSON"},
      {"single quotes", safetensors("{'a':{}}", 0), "R0802", "not JSON"},
      {"nested 100,000 deep", safetensors("{\"a\":{\"more\":" + nested_lists(100'000) + "}}", 0), "R0803",
       "nested 9 deep, over the limit of 8"},
      {"nested 9 deep", safetensors("{\"a\":{\"more\":" + nested_lists(7) + "}}", 0), "R0803", "nested 9 deep"},
      {"metadata twice", safetensors(R"({"__metadata__":{},"__metadata__":{}})", 0), "R0802",
       "`__metadata__` stands twice"},
      {"metadata key twice", safetensors(R"({"__metadata__":{"a":"1","\u0061":"2"}})", 0), "R0802",
       "`a` stands twice in `__metadata__`"},
      {"metadata is a list", safetensors(R"({"__metadata__":["a"]})", 0), "R0802",
       "`__metadata__` is a list, expected an object of strings"},
      {"metadata is null", safetensors(R"({"__metadata__":null})", 0), "R0802", "`__metadata__` is null"},
      {"metadata with a number", safetensors(R"({"__metadata__":{"a":1}})", 0), "R0802",
       "holds the number `1`, expected strings only"},
      {"metadata with an object", safetensors(R"({"__metadata__":{"a":{"b":"c"}}})", 0), "R0802", "holds an object"},
      {"metadata as a tensor", safetensors(R"({"__metadata__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
       "R0802", "holds a list"},
  };
}

std::vector<BadFile> member_rows() {
  return {
      {"tensor is a string", safetensors(R"({"t":"x"})", 0), "R0804",
       "tensor `t`: expected an object with `dtype`, `shape` and `data_offsets`, found the string `x`"},
      {"tensor is null", safetensors(R"({"t":null})", 0), "R0804", "found null"},
      {"no dtype", one_tensor(R"("shape":[8],"data_offsets":[0,8])"), "R0804", "it has no `dtype`"},
      {"no shape", one_tensor(R"("dtype":"U8","data_offsets":[0,8])"), "R0804", "it has no `shape`"},
      {"no offsets", one_tensor(R"("dtype":"U8","shape":[8])"), "R0804", "it has no `data_offsets`"},
      {"dtype twice", one_tensor(R"("dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8])"), "R0804",
       "`dtype` stands twice"},
      {"shape twice", one_tensor(R"("dtype":"U8","shape":[8],"sh\u0061pe":[8],"data_offsets":[0,8])"), "R0804",
       "`shape` stands twice"},
      {"unknown dtype", one_tensor(R"("dtype":"F12","shape":[8],"data_offsets":[0,8])"), "R0804",
       "unknown dtype `F12`, expected one of BOOL, F4"},
      {"dtype in lower case", one_tensor(R"("dtype":"u8","shape":[8],"data_offsets":[0,8])"), "R0804",
       "unknown dtype `u8`"},
      {"dtype as a rule spells it", one_tensor(R"("dtype":"f8_e4m3","shape":[8],"data_offsets":[0,8])"), "R0804",
       "unknown dtype"},
      {"dtype is a number", one_tensor(R"("dtype":8,"shape":[8],"data_offsets":[0,8])"), "R0804",
       "`dtype` has the number `8`, expected a string"},
      {"shape is a number", one_tensor(R"("dtype":"U8","shape":8,"data_offsets":[0,8])"), "R0804",
       "`shape` has the number `8`, expected a list of sizes"},
      {"negative size", one_tensor(R"("dtype":"U8","shape":[-8],"data_offsets":[0,8])"), "R0804",
       "`shape` has the number `-8`"},
      {"negative zero", one_tensor(R"("dtype":"U8","shape":[-0],"data_offsets":[0,8])"), "R0804",
       "`shape` has the number `-0`"},
      {"size with a point", one_tensor(R"("dtype":"U8","shape":[8.0],"data_offsets":[0,8])"), "R0804",
       "`shape` has the number `8.0`"},
      {"size with an exponent", one_tensor(R"("dtype":"U8","shape":[8e0],"data_offsets":[0,8])"), "R0804",
       "`shape` has the number `8e0`"},
      {"size is a string", one_tensor(R"("dtype":"U8","shape":["8"],"data_offsets":[0,8])"), "R0804",
       "`shape` has the string `8`"},
      {"size over 2^64", one_tensor(R"("dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,8])"), "R0804",
       "`18446744073709551616`"},
      {"size over 2^63", one_tensor(R"("dtype":"U8","shape":[0,9223372036854775808],"data_offsets":[0,0])", 0), "R0804",
       "9223372036854775808 does not fit into 63 bits"},
      {"1e400", one_tensor(R"("dtype":"U8","shape":[1e400],"data_offsets":[0,8])"), "R0802", "1e400"},
      {"product wraps to 8",
       one_tensor(R"("dtype":"U8","shape":[4194305,4194305,211106198978564],"data_offsets":[0,8])"), "R0804",
       "does not fit into 64 bits"},
      {"product wraps to 0", one_tensor(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0),
       "R0804", "does not fit into 64 bits"},
      {"bits wrap", one_tensor(R"("dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0])", 0), "R0804",
       "does not fit into 64 bits"},
      {"2 x (2^64 - 2)", one_tensor(R"("dtype":"U8","shape":[2,18446744073709551614],"data_offsets":[0,8])"), "R0804",
       "does not fit"},
      {"33 axes",
       one_tensor(
           R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])",
           1),
       "R0803", "over the limit of 32 axes"},
      {"odd number of F4", one_tensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])", 1), "R0804",
       "[3] of F4, 4 bits each, do not fill whole bytes"},
      {"F6 that fill no bytes", one_tensor(R"("dtype":"F6_E2M3","shape":[2],"data_offsets":[0,1])", 1), "R0804",
       "6 bits each"},
      {"no offset", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[])"), "R0804",
       "`data_offsets` has 0 numbers, expected two"},
      {"one offset", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0])"), "R0804",
       "`data_offsets` has 1 numbers"},
      {"three offsets", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0,8,8])"), "R0804",
       "more than two numbers"},
      {"offsets are an object", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":{"begin":0})"), "R0804",
       "`data_offsets` has an object"},
      {"offset with a point", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0.0,8.0])"), "R0804",
       "`data_offsets` has the number `0.0`"},
      {"negative offset", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[-8,0])"), "R0804",
       "`data_offsets` has the number `-8`"},
      {"offset is a string", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":["0","8"])"), "R0804",
       "`data_offsets` has the string `0`"},
      {"offset is a list", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[[0],[8]])"), "R0804",
       "`data_offsets` has a list"},
      {"offset over 2^64", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0,99999999999999999999])"), "R0804",
       "`99999999999999999999`"},
      {"offsets reversed", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[8,0])"), "R0804",
       "its bytes end at 0, before they begin at 8"},
      {"too few bytes", one_tensor(R"("dtype":"U16","shape":[8],"data_offsets":[0,8])"), "R0804",
       "[8] of U16 takes 16 bytes, `data_offsets` [0, 8] leave 8"},
      {"too many bytes", one_tensor(R"("dtype":"U8","shape":[],"data_offsets":[0,8])"), "R0804",
       "[] of U8 takes 1 bytes"},
  };
}

std::vector<BadFile> layout_rows() {
  return {
      {"tensor twice",
       two_tensors(R"("shape":[1],"data_offsets":[0,1])",
                   R"("shape":[1],"data_offsets":[1,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[2,3])", 3),
       "R0804", "tensor `a`: the header has it twice"},
      {"tensor twice, once escaped",
       safetensors(
           R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
           2),
       "R0804", "the header has it twice"},
      {"overlap", two_tensors(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[2,6])", 6), "R0804",
       "tensor `b`: its bytes begin at 2 of the data, `a` ends at 4: they overlap"},
      {"the same bytes", two_tensors(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[0,4])", 4),
       "R0804", "they overlap"},
      {"hole", two_tensors(R"("shape":[4],"data_offsets":[0,4])", R"("shape":[4],"data_offsets":[6,10])", 10), "R0804",
       "tensor `b`: its bytes begin at 6 of the data, `a` ends at 4: a hole of 2 bytes"},
      {"hole at the beginning", one_tensor(R"("dtype":"U8","shape":[4],"data_offsets":[4,8])"), "R0804",
       "its bytes begin at 4 of the data, the data begins at 0: a hole of 4 bytes"},
      {"bytes behind the last tensor", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0,8])", 30), "R0802",
       "22 bytes follow the last tensor"},
      {"bytes behind no tensor", safetensors("{}", 4), "R0802", "4 bytes follow the last tensor"},
      {"cut", one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0,8])", 7), "R0802",
       "its tensors have 8 bytes, only 7 are there"},
      {"end near 2^60",
       one_tensor(R"("dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1152921504606846976])"), "R0802",
       "its tensors have 1152921504606846976 bytes"},
  };
}

void check_rows(const std::vector<BadFile>& rows) {
  const Scratch scratch;
  for (const BadFile& row : rows) {
    INFO(std::string(row.name));
    Diagnostics diags;
    CHECK(!open_store(scratch.write("model.safetensors", row.bytes), diags));
    check_found(diags, row.id, row.words);
    CHECK(diags.errors() == 1);
  }
}

}  // namespace

TEST_CASE("a safetensors file with a bad length is refused") {
  check_rows(length_rows());
}
TEST_CASE("a safetensors file whose header is not such JSON is refused") {
  check_rows(json_rows());
}
TEST_CASE("a safetensors file with a bad tensor is refused") {
  check_rows(member_rows());
}
TEST_CASE("a safetensors file with holes, overlaps or a wrong end is refused") {
  check_rows(layout_rows());
}

TEST_CASE("odd files that mean one thing are read in silence") {
  const Scratch scratch;
  const std::string files[] = {
      safetensors("{}", 0),
      safetensors("{} \n\t\r", 0),
      safetensors(R"({"__metadata__":{"format":"pt","\u0000":""}})", 0),
      one_tensor(R"("data_offsets":[0,8],"shape":[1,8,1],"dtype":"U8")"),
      one_tensor(R"("dtype":"U64","shape":[],"data_offsets":[0,8])"),
      one_tensor(R"("dtype":"F6_E3M2","shape":[4],"data_offsets":[0,3])", 3),
      one_tensor(R"("dtype":"F4","shape":[0],"data_offsets":[0,0])", 0),
      two_tensors(R"("shape":[4],"data_offsets":[4,8])", R"("shape":[4],"data_offsets":[0,4])", 8),
      two_tensors(R"("shape":[0],"data_offsets":[8,8])", R"("shape":[8],"data_offsets":[0,8])", 8),
      two_tensors(R"("shape":[8],"data_offsets":[0,8])", R"("shape":[3,0],"data_offsets":[0,0])", 8),
      safetensors(
          fmt::format(R"({{"{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}}})", std::string(1U << 20U, 'n')), 0),
  };
  for (const std::string& file : files) {
    INFO(file.substr(0, 200));
    opened_silently(scratch.write("model.safetensors", file));
  }
}

TEST_CASE("several findings of one header are reported, to a limit") {
  const Scratch scratch;
  std::string header = "{";
  for (int i = 0; i < 50; ++i)
    header += fmt::format(R"({}"t{}":{{"dtype":"F12","shape":[],"data_offsets":[0,1]}})", i == 0 ? "" : ",", i);
  Diagnostics diags;
  CHECK(!open_store(scratch.write("x.safetensors", safetensors(header + "}", 1)), diags));
  CHECK(diags.errors() == 10);
}

TEST_CASE("names from a file are escaped and shortened in messages") {
  const Scratch scratch;
  Diagnostics diags;
  const std::string name = R"(\u001b[31m\nred)" + std::string(100'000, 'x');
  CHECK(!open_store(scratch.write("x.safetensors", safetensors(fmt::format(R"({{"{}":7}})", name), 0)), diags));
  REQUIRE(diags.errors() == 1);
  const std::string& message = diags.all()[0].message;
  CHECK(message.size() < 500);
  CHECK(message.find("\\x1b[31m\\nred") != std::string::npos);
}

TEST_CASE("every place in a header is the file's") {
  const Scratch scratch;
  const std::string file = safetensors(R"({"a" : {"dtype" : "F12", "shape":[], "data_offsets":[0, 1]}})", 1);
  Diagnostics diags;
  CHECK(!open_store(scratch.write("x.safetensors", file), diags));
  REQUIRE(diags.errors() == 1);
  CHECK(std::get<FilePlace>(diags.all()[0].primary.place).offset == file.find("\"F12\""));
}

TEST_CASE("no cut of a file is taken for the file") {
  const Scratch scratch;
  const std::string whole = read_file(fs::path(RULEC_TESTS_DIR) / "data/safetensors/shapes.safetensors");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    INFO(bytes);
    CHECK(!opens(scratch.write("x.safetensors", whole.substr(0, bytes))));
  }
  CHECK(opens(scratch.write("x.safetensors", whole)));
}

TEST_CASE("no byte of a header makes the reader fall") {
  const Scratch scratch;
  const std::string whole = read_file(fs::path(RULEC_TESTS_DIR) / "data/safetensors/shapes.safetensors");
  const std::size_t end = 8 + static_cast<unsigned char>(whole[0]) + 256U * static_cast<unsigned char>(whole[1]);
  std::size_t opened = 0;
  for (std::size_t i = 0; i < end; ++i) {
    for (const char c : {'\0', '\x01', '\x7f', '\xff', '0', '9', '-', '"', '\\', '{', ']', ',', ' ',
                         static_cast<char>(whole[i] ^ 1)}) {
      std::string bad = whole;
      bad[i] = c;
      opened += opens(scratch.write("x.safetensors", bad)) ? 1U : 0U;
    }
  }
  CHECK(opened > 0);  // letters of names and of metadata
}

}  // namespace rulec::store_bad_files_test
