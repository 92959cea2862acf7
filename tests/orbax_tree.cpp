// SPDX-License-Identifier: Apache-2.0
// What `_METADATA` and `_CHECKPOINT_METADATA` say, in all generations of Orbax, and what is wrong with them.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>

#include "engine/store/orbax/json_file.h"
#include "engine/store/orbax/step_metadata.h"
#include "engine/store/orbax/tree.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_tree_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

using Kind = orbax::Leaf::Kind;

std::string key(std::string_view name, int type = 2) {
  return fmt::format(R"({{"key": "{}", "key_type": {}}})", name, type);
}

std::string leaf(std::string_view label, std::string_view keys, std::string_view type = "np.ndarray",
                 std::string_view skip = "false") {
  return fmt::format(
      R"("{}": {{"key_metadata": [{}], "value_metadata": {{"value_type": "{}", "skip_deserialize": {}}}}})", label,
      keys, type, skip);
}

std::string tree(std::string_view leaves, std::string_view rest = "") {
  return fmt::format(R"({{"tree_metadata": {{{}}}{}}})", leaves, rest);
}

orbax::Tree parsed(std::string_view text) {
  Diagnostics diags;
  Result<orbax::Tree> result = orbax::parse_tree(text, "_METADATA", diags);
  REQUIRE_MESSAGE(result, render_text(diags));
  CHECK(diags.all().empty());
  return *std::move(result);
}

Diagnostics said_of_tree(std::string_view text) {
  Diagnostics diags;
  CHECK(!orbax::parse_tree(text, "_METADATA", diags));
  return diags;
}

}  // namespace

TEST_CASE("a tree has its leaves in their order") {
  const orbax::Tree t =
      parsed(tree(leaf("('b', '0', 'x')", key("b") + "," + key("0", 1) + "," + key("x"), "jax.Array") + "," +
                      leaf("('a',)", key("a"), "string"),
                  R"(, "use_ocdbt": true, "use_zarr3": false, "store_array_data_equal_to_fill_value": true,)"
                  R"( "custom_metadata": {"note": "a } in a string", "n": [1, 2]}, "value_metadata_tree": "{}")"));
  REQUIRE(t.leaves.size() == 2);
  CHECK(orbax::array_name(t.leaves[0].path) == "b.0.x");
  CHECK(t.leaves[0].path == std::vector<orbax::Key>{{"b", false}, {"0", true}, {"x", false}});
  CHECK(t.leaves[0].kind == Kind::Array);
  CHECK(orbax::array_name(t.leaves[1].path) == "a");
  CHECK(t.leaves[1].kind == Kind::Text);
  CHECK(t.use_ocdbt == true);
  CHECK(t.use_zarr3 == false);
  CHECK(t.stores_fill_values == true);
  CHECK(t.custom_metadata == R"({"note": "a } in a string", "n": [1, 2]})");
}

TEST_CASE("what older releases did not write is nothing") {
  const orbax::Tree t = parsed(tree(leaf("()", ""), R"(, "use_zarr3": true, "custom_metadata": null)"));
  REQUIRE(t.leaves.size() == 1);
  CHECK(t.leaves[0].path.empty());
  CHECK(orbax::array_name(t.leaves[0].path).empty());
  CHECK(!t.use_ocdbt);
  CHECK(t.use_zarr3 == true);
  CHECK(!t.stores_fill_values);
  CHECK(t.custom_metadata.empty());
  CHECK(parsed(tree("")).leaves.empty());
}

TEST_CASE("the type of a leaf says where its value is") {
  struct Row {
    const char* type;
    const char* skip;
    Kind kind;
  };
  for (const Row& row :
       {Row{"jax.Array", "false", Kind::Array}, Row{"np.ndarray", "false", Kind::Array},
        Row{"scalar", "false", Kind::Array}, Row{"string", "false", Kind::Text}, Row{"None", "true", Kind::Empty},
        Row{"Dict", "true", Kind::Empty}, Row{"List", "true", Kind::Empty}, Row{"Tuple", "true", Kind::Empty},
        Row{"NamedTuple", "true", Kind::Empty}, Row{"jax.Array", "true", Kind::Other},
        Row{"scalar", "true", Kind::Other}, Row{"my.Handler", "false", Kind::Other}}) {
    CAPTURE(row.type);
    CAPTURE(row.skip);
    CHECK(parsed(tree(leaf("('a',)", key("a"), row.type, row.skip))).leaves[0].kind == row.kind);
  }
}

TEST_CASE("members that nobody knows, their order, blanks and labels do not matter") {
  const orbax::Tree t = parsed(
      "\n{ \"later\": [{\"tree_metadata\": 1, \"tree_metadata\": 2}],\n"
      "  \"tree_metadata\": {\"L0\": {\"x\": 1, \"value_metadata\": {\"skip_deserialize\": false,"
      " \"write_shape\": [8], \"value_type\": \"scalar\"}, \"key_metadata\":"
      " [{\"key_type\": 2, \"more\": {}, \"key\": \"a\\u00fc\"}]}}}");
  REQUIRE(t.leaves.size() == 1);
  CHECK(orbax::array_name(t.leaves[0].path) == "aü");
}

TEST_CASE("what is wrong with a tree is told by its place") {
  struct Row {
    std::string text;
    const char* id;
    const char* words;
  };
  const std::string a = leaf("('a',)", key("a"));
  const Row rows[] = {
      {"", "R0840", "unexpected end of input"},
      {"[]", "R0840", "is a list, expected an object"},
      {"{}", "R0840", "`tree_metadata` is missing"},
      {R"({"tree_metadata": []})", "R0840", "`tree_metadata` is a list, expected an object"},
      {tree(a) + "x", "R0840", "`_METADATA` is not an Orbax checkpoint that rulec reads"},
      {tree(a + "," + a), "R0840", "`('a',)` stands twice"},
      {tree(a, R"(, "tree_metadata": {})"), "R0840", "`tree_metadata` stands twice"},
      {tree(a, R"(, "use_zarr3": true, "use_zarr3": false)"), "R0840", "`use_zarr3` stands twice"},
      {tree(a, R"(, "use_zarr3": 1)"), "R0840", "`use_zarr3` is the number `1`, expected true or false"},
      {tree(R"("a": 1)"), "R0840", "`a` is the number `1`, expected an object"},
      {tree(R"("a": {})"), "R0840", "`key_metadata` is missing"},
      {tree(R"("a": {"key_metadata": []})"), "R0840", "`value_metadata` is missing"},
      {tree(R"("a": {"key_metadata": {}})"), "R0840", "`key_metadata` is an object, expected a list"},
      {tree(R"("a": {"key_metadata": ["a"]})"), "R0840", "`key_metadata` is the string `a`, expected an object"},
      {tree(leaf("a", R"({"key": "a"})")), "R0840", "`key_type` is missing"},
      {tree(leaf("a", R"({"key_type": 2})")), "R0840", "`key` is missing"},
      {tree(leaf("a", R"({"key": 1, "key_type": 2})")), "R0840", "`key` is the number `1`, expected a string"},
      {tree(leaf("a", key("a", 3))), "R0840", "`key_type` is the number `3`, expected 1 (a position"},
      {tree(leaf("a", R"({"key": "a", "key": "b", "key_type": 2})")), "R0840", "`key` stands twice"},
      {tree(R"("a": {"key_metadata": [], "value_metadata": {"value_type": "scalar"}})"), "R0840",
       "`skip_deserialize` is missing"},
      {tree(R"("a": {"key_metadata": [], "value_metadata": {"skip_deserialize": true}})"), "R0840",
       "`value_type` is missing"},
      {tree(leaf("a", key("a"), "scalar", "null")), "R0840", "`skip_deserialize` is null, expected true or false"},
      {tree(leaf("1", key("a.b")) + "," + leaf("2", key("a") + "," + key("b"))), "R0840",
       "two leaves are called `a.b`"},
      {tree(leaf("1", key("a"), "scalar") + "," + leaf("2", key("a", 1), "Dict", "true")), "R0840",
       "two leaves are called `a`"},
      {tree("", R"(, "custom_metadata": )" + nested_lists(100'000)), "R0803", "nested 65 deep, over the limit of 64"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 200));
    const Diagnostics diags = said_of_tree(row.text);
    check_found(diags, row.id, row.words);
    for (const Diagnostic& d : diags.all()) CHECK(std::holds_alternative<FilePlace>(d.primary.place));
  }
}

TEST_CASE("a tree that is wrong everywhere is told of ten times") {
  std::string leaves;
  for (int i = 0; i < 1000; ++i) leaves += fmt::format("{}\"{}\": 1", i == 0 ? "" : ",", i);
  CHECK(said_of_tree(tree(leaves)).errors() == 10);
}

TEST_CASE("free metadata may be nested as deep as people write") {
  CHECK(parsed(tree("", R"(, "custom_metadata": )" + nested_lists(60))).custom_metadata == nested_lists(60));
}

TEST_CASE("a value in a text ends where it ends") {
  struct Row {
    const char* text;
    const char* value;
  };
  for (const Row& row : {Row{R"({"a": 12, "b": 1})", "12"}, Row{R"({"a": "x,\"}]", "b": 1})", R"("x,\"}]")"},
                         Row{R"({"a": [1, {"b": "]"}], "c": 1})", R"([1, {"b": "]"}])"}, Row{R"({"a": {}})", "{}"},
                         Row{R"({"a": true})", "true"}, Row{R"({"a": "\\"})", R"("\\")"}}) {
    CHECK(orbax::json_value_at(row.text, 6) == row.value);
  }
}

TEST_CASE("the metadata of a step tell what a program knew") {
  Diagnostics diags;
  const auto parse = [&](std::string_view text) {
    return orbax::parse_step_metadata(text, "_CHECKPOINT_METADATA", diags);
  };
  const auto step = parse(R"({"item_handlers": {"items": "x"}, "custom_metadata": {"scan_layers": true, "n": 7,)"
                          R"( "name": "x", "minus": -2, "rate": 0.5, "lora": {"rank": 8}, "none": null}})");
  REQUIRE(step);
  using Values = std::map<std::string, std::string>;
  CHECK(step->values == Values{{"scan_layers", "true"}, {"n", "7"}, {"name", "x"}, {"minus", "-2"}});
  CHECK(step->custom_metadata.starts_with(R"({"scan_layers": true, "n": 7)"));
  for (const char* text : {"{}", R"({"item_handlers": "x", "custom_metadata": {}})", R"({"custom_metadata": null})"}) {
    const auto none = parse(text);
    REQUIRE(none);
    CHECK(none->values.empty());
    CHECK(none->custom_metadata.empty());
  }
  CHECK(diags.all().empty());
}

TEST_CASE("what is wrong with the metadata of a step is told by its place") {
  struct Row {
    std::string text;
    const char* id;
    const char* words;
  };
  for (const Row& row :
       {Row{"", "R0840", "unexpected end of input"}, Row{"[]", "R0840", "it is a list, expected an object"},
        Row{R"({"custom_metadata": [1]})", "R0840", "`custom_metadata` is a list, expected an object"},
        Row{R"({"custom_metadata": {"a": 1, "a": 2}})", "R0840", "`a` stands twice"},
        Row{R"({"custom_metadata": )" + nested_lists(100) + "}", "R0803", "nested 65 deep"}}) {
    Diagnostics diags;
    CHECK(!orbax::parse_step_metadata(row.text, "_CHECKPOINT_METADATA", diags));
    check_found(diags, row.id, row.words);
  }
}

// Whatever a byte becomes, the tree is read or refused; and what is read has names of its own.
TEST_CASE("no byte of a tree, changed, brings the reader down") {
  const std::string whole = read_file(fs::path(RULEC_TESTS_DIR) / "data/orbax/leaf_kinds_files/_METADATA");
  REQUIRE(parsed(whole).leaves.size() > 10);
  std::size_t read = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      std::string text = whole;
      text[at] = static_cast<char>(text[at] ^ mask);
      Diagnostics diags;
      const bool is_read = static_cast<bool>(orbax::parse_tree(text, "_METADATA", diags));
      CHECK(is_read == diags.all().empty());
      read += is_read ? 1 : 0;
    }
    Diagnostics diags;
    CHECK(!orbax::parse_tree(std::string_view(whole).substr(0, at), "_METADATA", diags));
  }
  CHECK(read > 0);
}

}  // namespace rulec::orbax_tree_test
