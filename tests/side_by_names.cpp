// SPDX-License-Identifier: Apache-2.0
// Which side a checkpoint is, by what its tensors are called.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/scratch.h"

#include <rulec/rulec.h>

namespace rulec::side_by_names_test {
namespace {

/// The side that these names are told to be of; `-` where they do not tell.
std::string told(const std::string& rules, const std::string& config, const std::vector<std::string>& names,
                 const std::map<std::string, std::string>& given = {}) {
  const testing::Scratch scratch;
  Diagnostics diags;
  const Result<RulePack> pack = load_pack(scratch.write("p.rules", "pack p : left -> right\n" + rules).string(), diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  BindOptions options;
  options.options = given;
  options.configs["right"] = scratch.write("config.json", config);
  MemoryStore store;
  for (const std::string& name : names) store.put({name, DType::F32, {1}}, std::vector<std::byte>(4));
  const Result<std::optional<std::string>> side = side_by_names(*pack, store, options, diags);
  REQUIRE(side);
  CHECK_MESSAGE(diags.all().empty(), render_text(diags));
  return side->value_or("-");
}

}  // namespace

TEST_CASE("names tell a side where all are like its own and none like the other's") {
  const std::string layers = "let D = 1\nfor i in 0..right.n { a.<i> : [D] -> b.<i> }\n";
  CHECK(told(layers, R"({"n": 40})", {"a.0", "a.39"}) == "left");
  CHECK(told(layers, R"({"n": 40})", {"b.0", "b.39"}) == "right");
  CHECK(told(layers, R"({"n": 40})", {"b.0", "c"}) == "-");
  CHECK(told(layers, R"({"n": 40})", {"a.0", "b.0"}) == "-");
  CHECK(told(layers, R"({"n": 40})", {}) == "-");
}

TEST_CASE("rules that depend on configs and options are those that these make") {
  const std::string by_config = "let D = 1\nwhen right.n == 2 { x : [D] -> y } else { w : [D] -> x }\n";
  CHECK(told(by_config, R"({"n": 2})", {"x"}) == "left");
  CHECK(told(by_config, R"({"n": 3})", {"x"}) == "right");
  const std::string by_options = R"(let D = 1
option form : {"a", "b"} = "a" "as it says"
option mode : {"a", "b"} = "a" "as it says"
when form == "b" and mode == "b" { x : [D] -> y } else { w : [D] -> x }
)";
  CHECK(told(by_options, "{}", {"x"}, {{"form", "b"}, {"mode", "b"}}) == "left");
  CHECK(told(by_options, "{}", {"x"}, {{"form", "a"}, {"mode", "b"}}) == "right");
}

}  // namespace rulec::side_by_names_test
