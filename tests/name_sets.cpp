// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/name_sets.h"

#include <doctest/doctest.h>

namespace rulec::name_sets_test {
namespace {

struct Row {
  std::string_view glob;
  std::string_view name;
  bool matches;
};

constexpr Row Rows[] = {
    {"step", "step", true},
    {"step", "steps", false},
    {"steps", "step", false},
    {"*", "step", true},
    {"*", "opt_state.step", false},
    {"lm_*.weight", "lm_head.weight", true},
    {"lm_*.weight", "lm_head.x.weight", false},
    {"layers.*.w", "layers.3.w", true},
    {"layers.*.w", "layers.3.4.w", false},
    {"layers.*", "layers.", true},
    {"**", "a.b.c", true},
    {"opt_state.**", "opt_state.0.mu", true},
    {"opt_state.**", "opt_states.0.mu", false},
    {"**.inv_freq", "inv_freq", true},
    {"**.inv_freq", "a.b.inv_freq", true},
    {"**.inv_freq", "a.b.xinv_freq", false},
    {"model.**.w", "model.w", true},
    {"model.**.w", "model.a.b.w", true},
    {"model.**.w", "model.a.b.w.x", false},
    {"**.a*.w", "x.a1.y.a2.w", true},
    {"**.a*.w", "x.a1.y.b2.w", false},
    {"**.a*.b*.w", "a1.a2.b3.w", true},
    {"**.a.**.w", "a.b.a.w", true},
    {"*a*", "bab", true},
    {"*a*a", "baca", true},
    {"*a*a", "bac", false},
    {"", "", true},
    {"", "a", false},
    {"model**w", "model.a.w", true},
};

}  // namespace

TEST_CASE("a star stays within a segment, two go across") {
  for (const Row& row : Rows) {
    INFO(row.glob << " on " << row.name);
    CHECK(glob_matches(row.glob, row.name) == row.matches);
  }
}

TEST_CASE("names in short: numbers that differ stand in braces") {
  const std::vector<std::string> names{"layers.0.w", "layers.1.w", "layers.2.w", "layers.0.b", "layers.4.b", "step"};
  const std::vector<NameGroup> groups = group_names(names);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].text == "layers.{0, 4}.b");
  CHECK(groups[1].text == "layers.{0..2}.w");
  CHECK(groups[1].count == 3);
  CHECK(groups[2].text == "step");
}

TEST_CASE("a glob of many stars is as fast as any") {
  std::string glob;
  for (int i = 0; i < 30; ++i) glob += "**.a*";
  CHECK(!glob_matches(glob + ".x", std::string(2000, 'a')));
}

}  // namespace rulec::name_sets_test
