// SPDX-License-Identifier: Apache-2.0
// What is written of a tree is Orbax's own text, byte by byte.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/store/orbax/tree_text.h"
#include "engine/store/orbax/write_tree.h"
#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_tree_text_test {

using namespace testing;
using namespace orbax;

namespace {

using Json = nlohmann::ordered_json;

// The leaves that Orbax listed, in its order.
std::vector<WrittenLeaf> leaves_in(const std::string& text) {
  std::vector<WrittenLeaf> leaves;
  const Json json = Json::parse(text);
  for (const auto& [label, leaf] : json["tree_metadata"].items()) {
    std::vector<std::string> keys;
    for (const Json& key : leaf["key_metadata"]) keys.push_back(key["key"]);
    const std::string type = leaf["value_metadata"]["value_type"];
    const char* known = type == "scalar" ? "scalar" : type == "Dict" ? "Dict" : "np.ndarray";
    leaves.push_back({keys, known, !leaf["value_metadata"]["skip_deserialize"]});
  }
  return leaves;
}

// Of tensors with these names, made of nothing else.
std::vector<TensorInfo> tensors_named(const std::vector<std::string>& names) {
  std::vector<TensorInfo> tensors;
  for (const std::string& name : names) tensors.push_back({name, DType::F32, {1}});
  return tensors;
}

std::string joined(const std::vector<std::string>& keys, std::size_t from) {
  std::string name;
  for (std::size_t i = from; i < keys.size(); ++i) name += (i == from ? "" : ".") + keys[i];
  return name;
}

}  // namespace

TEST_CASE("the tree of MaxText's tensors is MaxText's, byte by byte, whatever their order") {
  for (const char* fixture : {"maxtext_scan_1dev", "maxtext_unscan_1dev"}) {
    const std::string text = read_file(orbax_data(fixture) / "0/items/_METADATA");
    std::vector<std::string> names;
    for (const WrittenLeaf& leaf : leaves_in(text)) {
      if (leaf.keys[0] == "params") names.push_back(joined(leaf.keys, 2));
    }
    REQUIRE(names.size() > 20);
    std::ranges::shuffle(names, std::mt19937(5));
    Diagnostics diags;
    const Result<std::vector<WrittenLeaf>> leaves = tree_of(tensors_named(names), {}, diags);
    REQUIRE_MESSAGE(leaves, render_text(diags));
    CHECK(tree_text(*leaves, {}) == text);
  }
}

TEST_CASE("keys of all kinds of characters are written as Orbax writes them") {
  const std::string text = read_file(orbax_data("odd_names_zarr3") / "_METADATA");
  CHECK(tree_text(leaves_in(text), {}) == text);
}

TEST_CASE("a tree says how its arrays are stored") {
  const std::string end = R"("store_array_data_equal_to_fill_value": true, "custom_metadata": null})";
  CHECK(tree_text({}, {.is_database = false, .is_zarr3 = true}) ==
        R"({"tree_metadata": {}, "use_ocdbt": false, "use_zarr3": true, )" + end);
  CHECK(tree_text({}, {.is_database = true, .is_zarr3 = false}) ==
        R"({"tree_metadata": {}, "use_ocdbt": true, "use_zarr3": false, )" + end);
}

TEST_CASE("tuples of keys are printed as Python prints them") {
  struct Row {
    std::vector<std::string> keys;
    std::string text;
  };
  const Row rows[] = {
      {{}, "()"},
      {{"step"}, "('step',)"},
      {{"a", "b"}, "('a', 'b')"},
      {{""}, "('',)"},
      {{"it's"}, R"(("it's",))"},
      {{"say \"hi\""}, R"(('say "hi"',))"},
      {{"both'\""}, R"(('both\'"',))"},
      {{"a\\b"}, R"(('a\\b',))"},
      {{"\t\n\r\x01\x1f\x7f"}, R"(('\t\n\r\x01\x1f\x7f',))"},
      {{"\u00e4\u65e5\U0001F600"}, "('\u00e4\u65e5\U0001F600',)"},
      {{"\u0080\u009f\u00a0\u00ad\u00a1\u00bf\u00c0"}, "('\\x80\\x9f\\xa0\\xad\u00a1\u00bf\u00c0',)"},
  };
  for (const Row& row : rows) CHECK(python_tuple(row.keys) == row.text);
}

TEST_CASE("a step's text is MaxText's, byte by byte") {
  const std::string text = read_file(orbax_data("maxtext_scan_1dev") / "0/_CHECKPOINT_METADATA");
  CHECK(checkpoint_text("items", {{"scan_layers", true}}, {1795564844352310919, 1795564844394254412}) == text);
  const std::string none = checkpoint_text("items", {}, {1, 2});
  CHECK(none.ends_with(R"("init_timestamp_nsecs": 1, "commit_timestamp_nsecs": 2, "custom_metadata": {}})"));
  CHECK(checkpoint_text("items", {{"b", false}, {"a\"", true}}, {}).ends_with(R"({"a\"": true, "b": false}})"));
}

TEST_CASE("what is no tree is refused, all of it at once") {
  struct Row {
    std::vector<std::string> names;
    bool is_database;
    std::vector<std::string> words;  // of a message each
  };
  const Row rows[] = {
      {{"a.b", "a"}, true, {"`a.b` cannot be stored in an Orbax checkpoint: `a` is a tensor too"}},
      {{"a.c", "a", "a.b", "ab", "a.b.c"}, true, {"`a.b`", "`a.b.c`", "`a.c`"}},
      {{"ok", "\xff"}, true, {"its name is not UTF-8"}},
      {{"a/b", "c\\d", std::string("e\0f", 3), "ok"}, false, {"`a/b`", "c", "e"}},
      {{"a/b", "c\\d", std::string("e\0f", 3), "ab", "a..b", ""}, true, {}},
  };
  for (const Row& row : rows) {
    Diagnostics diags;
    const bool is_tree = static_cast<bool>(tree_of(tensors_named(row.names), {.is_database = row.is_database}, diags));
    CHECK(is_tree == row.words.empty());
    CHECK(diags.errors() == row.words.size());
    for (const std::string& words : row.words) check_found(diags, "R0843", words);
  }
}

}  // namespace rulec::orbax_tree_text_test
