// SPDX-License-Identifier: Apache-2.0
// What is wrong with a checkpoint is told in one message, by the file, the place and what was expected; nothing
// crashes.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/scratch.h"

#include <rulec/store.h>

using namespace rulec;
using namespace rulec::test;
namespace fs = std::filesystem;

namespace {

std::string found(const Diagnostics& diags) {
  return render_text(diags);
}

// One diagnostic of the kind, with these words, is among them.
void check_found(const Diagnostics& diags, std::string_view id, std::string_view words) {
  const bool is_there = std::ranges::any_of(
      diags.all(), [&](const Diagnostic& d) { return d.id == id && d.message.find(words) != std::string::npos; });
  CHECK_MESSAGE(is_there, fmt::format("no {} with `{}` in\n{}", id, words, found(diags)));
}

struct BadFile {
  std::string_view name;
  std::string bytes;
  std::string_view id;
  std::string_view words;
};

std::string one_tensor(std::string_view members, std::size_t data_bytes = 8) {
  return safetensors(fmt::format(R"({{"t":{{{}}}}})", members), data_bytes);
}

std::string two_tensors(std::string_view first, std::string_view second, std::size_t data_bytes) {
  return safetensors(fmt::format(R"({{"a":{{"dtype":"U8",{}}},"b":{{"dtype":"U8",{}}}}})", first, second), data_bytes);
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

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
      {"nested 100,000 deep", safetensors("{\"a\":{\"more\":" + nested(100'000) + "}}", 0), "R0803",
       "nested 9 deep, over the limit of 8"},
      {"nested 9 deep", safetensors("{\"a\":{\"more\":" + nested(7) + "}}", 0), "R0803", "nested 9 deep"},
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
