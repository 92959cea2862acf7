// SPDX-License-Identifier: Apache-2.0
#include "engine/file/json_tree.h"

#include <doctest/doctest.h>

namespace rulec::json_tree_test {

using Kind = JsonValue::Kind;

TEST_CASE("a JSON text becomes a tree that knows its places") {
  JsonTree tree;
  const std::string_view text = R"({"a": [1, -2, 3.5, "x", null, true], "b": {"c": {}}, "d": []})";
  REQUIRE(!read_json_tree(text, tree));
  CHECK(tree.is(Kind::Object));
  const JsonTree* list = tree.find("a");
  REQUIRE(list != nullptr);
  CHECK(list->offset == text.find('['));
  REQUIRE(list->items.size() == 6);
  CHECK(list->items[0].number == 1);
  CHECK(list->items[1].text == "-2");
  CHECK(list->items[2].approximate == 3.5);
  CHECK(describe(list->items[3]) == "the string `x`");
  CHECK(list->items[3].offset == text.find("\"x\""));
  CHECK(list->items[4].is(Kind::Null));
  CHECK(list->items[5].number == 1);
  CHECK(tree.find("b")->find("c")->is(Kind::Object));
  CHECK(tree.find("d")->items.empty());
  CHECK(tree.find("e") == nullptr);
}

TEST_CASE("a member that stands twice is an error, in one object only") {
  JsonTree tree;
  CHECK(!read_json_tree(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", tree));
  const auto error = read_json_tree(R"({"b": {"a": 1, "\u0061": 2}})", tree);
  REQUIRE(error);
  CHECK(error->text == "`a` stands twice");
  CHECK(error->offset == 15);
  CHECK(read_json_tree("{", tree));
  CHECK(read_json_tree("[[[[[[[[[]]]]]]]]]", tree)->is_too_deep);
}

}  // namespace rulec::json_tree_test
