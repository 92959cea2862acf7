// SPDX-License-Identifier: Apache-2.0
// What elaboration makes of rules, where golden cases do not show it: places, pieces, constants.
#include <doctest/doctest.h>

#include <string_view>
#include <vector>

#include "tests/elaborated.h"

using namespace rulec;

TEST_CASE("a family knows the header of the block around it") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let X = 2
block inner() { d : [X] -> d }
w : [X] -> v
a -> b {
  w : [X] -> v
  b.c -> <"x"> {
    c : [X] -> c
    use inner()
  }
  e : [X] -> e
}
)");
  REQUIRE(made.pack);
  std::vector<std::string_view> blocks;
  for (const Family& family : made.pack->families)
    blocks.push_back(family.block ? made.diags->sources().text(*family.block) : "none");
  CHECK(blocks == std::vector<std::string_view>{"none", "a -> b", "b.c -> <\"x\">", "b.c -> <\"x\">", "a -> b"});
}

TEST_CASE("a tensor without a cell has a shape and pieces like others") {
  const testing::Elaborated made =
      testing::elaborate_text("let X = 0, Y = 3, Z = 2\na : [X Y] -> b : [Y X]\nc : [Z (X + Y)] -> d : [((X + Y) Z)]");
  REQUIRE(made.pack);
  CHECK(made.pack->tensors[0][0].shape == Shape{0, 3});
  CHECK(made.pack->tensors[1][0].shape == Shape{3, 0});
  CHECK(made.pack->tensors[1][1].shape == Shape{6});
  CHECK(made.pack->pieces.size() == 3);
}

TEST_CASE("a tensor argument is laid out for the instance that reads it") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let X = 4
hook h(s) = mul(s)
for e in 0..2 {
  for i in 0..e + 1 { a.<e>.<i> : [X] <= b.<e>.<i> : [X] | h(s.<e> : [X i]) }
}
)");
  REQUIRE(made.pack);
  std::vector<std::int64_t> strides;
  for (const Piece& piece : made.pack->pieces) strides.push_back(piece.operands.front().axes.front().stride);
  CHECK(strides == std::vector<std::int64_t>{1, 2, 2});
}

TEST_CASE("what a guard leaves out has a length and no family") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let X = 2
for i in 0..3 when i == 5 { a : [i X] -> b.<i> : [X] }
for i in 0..2 { a : [i X] -> c.<i> : [X] }
)");
  REQUIRE(made.pack);
  CHECK(made.pack->families.size() == 1);
  CHECK(made.pack->tensors[0].front().shape == Shape{3, 2});
}

TEST_CASE("labels keep their numbers") {
  const testing::Elaborated made =
      testing::elaborate_text("let X = 2\nfor k in {a = 7, b, c = 2} { x.<k> : [X] -> y.<k + 0> : [X] }");
  REQUIRE(made.pack);
  const FamilyIndex& index = made.pack->families.front().indices.front();
  CHECK(index.text(7) == "a");
  CHECK(index.text(8) == "b");
  CHECK(index.text(2) == "c");
  CHECK(index.text(0) == "0");
}
