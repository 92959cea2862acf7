// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/store/name_series.h"
#include "engine/store/tensor_list.h"

namespace rulec::tensor_list_test {
namespace {

/// `a BF16 [2 3]; b F32 []`, or every diagnostic as `R0901 2:5 message`.
std::string read(const std::string& text) {
  Diagnostics diags;
  const auto tensors = parse_tensor_list(diags.sources().add("hf.tensors", text), diags);
  std::vector<std::string> all;
  if (tensors) {
    CHECK(diags.all().empty());
    for (const TensorInfo& one : *tensors)
      all.push_back(fmt::format("{} {} {}", one.name, name(one.dtype), to_string(one.shape)));
  } else {
    REQUIRE(diags.errors() > 0);
    for (const Diagnostic& one : diags.all()) {
      const Span span = std::get<Span>(one.primary.place);
      CHECK(span.end <= text.size());
      const Position at = diags.sources()[span.source].position(span.begin);
      all.push_back(fmt::format("{} {}:{} {}", one.id, at.line, at.column, one.message));
    }
  }
  return fmt::format("{}", fmt::join(all, "; "));
}

}  // namespace

TEST_CASE("lists of tensors") {
  CHECK(read("").empty());
  CHECK(read("# nothing\n\n  # at all").empty());
  CHECK(read("b BF16 [2304 8 256] # c\n a\tf32\t[ ]\r\nc.<0>/x I64 [0]") ==
        "a F32 []; b BF16 [2304 8 256]; c.<0>/x I64 [0]");
}

TEST_CASE("a line may name a series of tensors") {
  CHECK(read("l.<0..2>.e.<1,3..5> F32 [2]") ==
        "l.0.e.1 F32 [2]; l.0.e.3 F32 [2]; l.0.e.4 F32 [2]; l.1.e.1 F32 [2]; l.1.e.3 F32 [2]; l.1.e.4 F32 [2]");
  CHECK(size_of_series("l.<0..2>.e.<1,3..5>") == 6);
  CHECK(size_of_series("l.<0>") == 1);
  CHECK(!size_of_series("l.<0..x>"));
  CHECK(read("w_<8..11>x BF16 [] # three") == "w_10x BF16 []; w_8x BF16 []; w_9x BF16 []");
  CHECK(read("a<b>.<> BF16 []\n<0..1 F32 []\n0..1> F32 []") == "0..1> F32 []; <0..1 F32 []; a<b>.<> BF16 []");
}

TEST_CASE("bad lists of tensors: what, and where") {
  const std::string cannot = " `hf.tensors` cannot be read as a list of tensors: ";
  const std::pair<std::string, std::string> rows[] = {
      {"a", "R0901 1:2" + cannot + "expected a type, such as `BF16`, behind the name"},
      {"a BF17 [2]\n", "R0901 1:3" + cannot + "expected a type, such as `BF16`, behind the name"},
      {"a BF16", "R0901 1:7" + cannot + "expected a shape, such as `[2304 8 256]`, behind the type"},
      {"a BF16 2 3", "R0901 1:8" + cannot + "expected a shape, such as `[2304 8 256]`, behind the type"},
      {"a BF16 [2 3", "R0901 1:12" + cannot + "expected a whole number or `]`"},
      {"a BF16 [2, 3]", "R0901 1:9" + cannot + "expected a whole number or `]`"},
      {"a BF16 [-2]", "R0901 1:9" + cannot + "expected a whole number or `]`"},
      {"a BF16 [99999999999999999999]", "R0901 1:9" + cannot + "expected a whole number or `]`"},
      {"a BF16 [# 2]", "R0901 1:13" + cannot + "expected a whole number or `]`"},
      {"a BF16 [2] 3", "R0901 1:12" + cannot + "expected the end of the line behind the shape"},
      {"a BF16 [9999999999 9999999999]",
       "R0901 1:8" + cannot + "the size of this tensor does not fit into 63 bits, or fills no whole bytes"},
      {"a F4 [3]", "R0901 1:6" + cannot + "the size of this tensor does not fit into 63 bits, or fills no whole bytes"},
      {"[2] a", "R0901 1:1" + cannot + "expected the name of a tensor"},
      {"a BF16 [2]\nb\na F32 [3]\n", "R0901 2:2" + cannot +
                                         "expected a type, such as `BF16`, behind the name; R0901 3:1" + cannot +
                                         "this tensor stands twice"},
      {"a.<0..3> BF16 [2]\na.2 F32 [3]\n", "R0901 2:1" + cannot + "this tensor stands twice"},
      {"a.2 BF16 [2]\na.<0..3> F32 [3]\n", "R0901 2:1" + cannot + "the tensor `a.2` stands twice"},
      {"a.<0..0> F32 []\na.<1..x> F32 []\na.<0,> F32 []\na.<0..1000000>.<0..2> F32 []\na.<3..4294967296> F32 []",
       fmt::format("R0901 1:1{0}; R0901 2:1{0}; R0901 3:1{0}; R0901 4:1{0}; R0901 5:1{0}",
                   cannot + "a series of names is such as `layers.<0..26>.<0,2..4>`, up to 1000000 names")},
      {"a BF16 [2]\n\xFF F32 []", "R0102 2:1 this text is not UTF-8"},
  };
  for (const auto& [text, want] : rows) {
    INFO(text);
    CHECK(read(text) == want);
  }
}

TEST_CASE("the lists of the presets are read, and every beginning of one ends in tensors or messages") {
  std::size_t lists = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(RULEC_TESTS_DIR "/../rules")) {
    if (file.path().extension() != ".tensors") continue;
    std::ostringstream text;
    text << std::ifstream(file.path()).rdbuf();
    CHECK(!read(text.str()).empty());
    CHECK(!read(text.str()).starts_with("R0"));
    for (std::size_t length = 0; lists == 0 && length < 1000; ++length) (void)read(text.str().substr(0, length));
    ++lists;
  }
  CHECK(lists >= 9);
}

}  // namespace rulec::tensor_list_test
