// SPDX-License-Identifier: Apache-2.0
// Rules that nest deep: each is refused with a message, none exhausts the stack. What doubles is in tests/golden/pack.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>

#include "tests/elaborated.h"

namespace rulec::limits_test {
namespace {

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

/// `length` definitions, each of which uses the next, and the last.
std::string chain(int length, const std::function<std::string(int)>& line, std::string_view last) {
  std::string rules;
  for (int i = 0; i < length; ++i) rules += line(i) + "\n";
  return rules + std::string(last) + "\n";
}

/// The id of the one thing that is wrong.
std::string refused(const std::string& rules) {
  const testing::Elaborated made = testing::elaborate_text(rules);
  CHECK(!made.pack);
  if (made.diags->all().size() != 1) return fmt::format("{} findings", made.diags->all().size());
  return std::string(made.diags->all().front().id);
}

}  // namespace

TEST_CASE("a chain of definitions is refused where it gets too deep") {
  const int length = 10'000;
  CHECK(refused(chain(
                    length, [](int i) { return fmt::format("let a{} = a{} + 0", i, i + 1); }, "let a10000 = 1") +
                "x : [a0] -> y") == "R0103");
  CHECK(refused(chain(
                    length, [](int i) { return fmt::format("let f{}(x) = f{}(x)", i, i + 1); }, "let f10000(x) = x") +
                "let X = f0(1)\nx : [X] -> y") == "R0103");
  CHECK(refused(chain(
                    length, [](int i) { return fmt::format("path p{}() = p{}().a", i, i + 1); }, "path p10000() = b") +
                "let X = 1\np0() : [X] -> y") == "R0103");
  CHECK(refused(chain(
                    length, [](int i) { return fmt::format("hook h{} = h{} | neg", i, i + 1); }, "hook h10000 = neg") +
                "let X = 1\nx : [X] -> y | h0") == "R0103");
}

TEST_CASE("long expressions count with the functions that they use") {
  const std::string sum = repeated(" + 1", 490);
  CHECK(
      refused(chain(
                  900, [&](int i) { return fmt::format("let f{}(x) = f{}(x){}", i, i + 1, sum); }, "let f900(x) = x") +
              "let X = f0(1)\nx : [X] -> y") == "R0103");
}

TEST_CASE("bodies count with the blocks that they use") {
  const std::string open = repeated("a -> b { when 1 == 1 { ", 25);
  const std::string close = repeated(" }", 50);
  CHECK(refused(chain(
                    60, [&](int i) { return fmt::format("block b{}() {{ {}use b{}(){} }}", i, open, i + 1, close); },
                    "block b60() { }") +
                "use b0()") == "R0103");
}

TEST_CASE("what is deep and no deeper than rules are is taken") {
  const testing::Elaborated made = testing::elaborate_text(
      chain(
          300, [](int i) { return fmt::format("let a{} = a{} + 0", i, i + 1); }, "let a300 = 4") +
      "let f(n) = when n == 0: 0 else: 1 + f(n - 1)\nlet Y = f(200)\nx : [a0 Y] -> y");
  REQUIRE(made.pack);
  CHECK(made.pack->tensors[0].front().shape == Shape{4, 200});
}

}  // namespace rulec::limits_test
