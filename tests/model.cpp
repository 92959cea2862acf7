// SPDX-License-Identifier: Apache-2.0
// A pack tied to a model: what `bind` refuses, and what it says of the tensors.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/rulec.h>

#include "engine/rules/rules.h"

namespace rulec::model_test {
namespace {

Result<Model> bound(std::string_view rules, Diagnostics& diags) {
  PackFolder nothing;
  nothing.read = [](std::string_view) { return std::nullopt; };
  Result<Rules> loaded =
      load_rules(diags.sources().add("p.rules", "pack p : maxtext -> hf\n" + std::string(rules)), nothing, diags);
  REQUIRE_MESSAGE(loaded, render_text(diags));
  return bind(RulePack(std::make_shared<const Rules>(*std::move(loaded))), {}, diags);
}

}  // namespace

TEST_CASE("what check refuses of the numbers, bind refuses") {
  struct Row {
    std::string_view hook;
    std::string_view id;  // empty: it binds, and nothing is said
  };
  for (const Row& row : std::vector<Row>{
           {"mul(2) reverse mul(3)", "R0501"},
           {"shr(1) reverse mul(2)", "R0501"},
           {"and(15) reverse and(255)", "R0501"},
           {"and(255) reverse and(255)", "R0501"},
           {"cast(bf16)", "R0503"},
           {"cast(bf16) allow undeclared-loss \"meant\"", ""},
           {"cast(f16) allow undeclared-loss \"meant\"", ""},  // R0514 is a warning
           {"sub(1)", ""},                                     // R0511 too
           {"mul(3) reverse div(3)", ""},
           {"add(1) reverse sub(1)", ""},
       }) {
    CAPTURE(row.hook);
    Diagnostics diags;
    const Result<Model> model =
        bound("let D = 4\nhook h = " + std::string(row.hook) + "\na : [D] -> b : [D] | h\n", diags);
    INFO(render_text(diags));
    CHECK(static_cast<bool>(model) == row.id.empty());
    if (row.id.empty()) {
      CHECK(diags.all().empty());
    } else {
      REQUIRE(diags.all().size() == 1);
      CHECK(diags.all().front().id == row.id);
    }
  }
}

TEST_CASE("a pair of tensors stands once for every value of the indices") {
  Diagnostics diags;
  const Result<Model> model = bound(R"(
let a = 2, b = 3, c = 4
w : [(a + b + c)] -> x : [(a + c)], y : [b]
for i in 0..2 { v.<i> : [(a + b)] -> u : [i (b + a)] }
)",
                                    diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  std::vector<std::string> pairs;
  for (const Correspondence& c : model->correspondences()) pairs.push_back(c.left + " " + c.right);
  CHECK(pairs == std::vector<std::string>{"w x", "w y", "v.0 u", "v.1 u"});
}

TEST_CASE("axes along which the rules stack tensors are known") {
  Diagnostics diags;
  const Result<Model> model = bound(R"(let L = 3, E = 2, D = 4, F = 5
for i in 0..L, e in 0..E { experts[i @ 1][e @ 0].wi : [D F] -> layers.<i>.<e>.up : [F D] }
for i in 0..L { norms[i @ 0] : [D] -> layers.<i>.norm : [D] }
both : [(D + F)] -> x : [D], y : [F]
plain : [D F] -> z : [F D]
)",
                                    diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  const auto stacked = model->stacked_axes("maxtext");
  CHECK(stacked == std::map<std::string, std::vector<std::size_t>>{{"experts.wi", {0, 1}}, {"norms", {0}}});
  CHECK(model->stacked_axes("hf").empty());
}

}  // namespace rulec::model_test
