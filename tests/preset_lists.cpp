// SPDX-License-Identifier: Apache-2.0
// The lists of tensors beside a preset, which `check` holds against the layouts that fit them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "tests/scratch.h"

#include <rulec/check.h>
#include <rulec/pack.h>

using namespace rulec;

TEST_CASE("a list is held against each layout that ignores other tensors") {
  const testing::Scratch scratch;
  (void)scratch.write("p/presets/m/config.json", "{}");
  (void)scratch.write("p/presets/m/hf.tensors", "extra BF16 [2]\nw BF16 [2]\n");
  const auto says_unmapped = [&](std::string_view when) {
    Diagnostics diags;
    const auto rules = scratch.write("p/p.rules", fmt::format(R"(pack p : maxtext -> hf
let D = 2
option scan : bool = true "as it says"
w : [D] -> w
ignore hf : extra{}
)",
                                                              when));
    const Result<RulePack> pack = load_pack(rules.string(), diags);
    REQUIRE_MESSAGE(pack, render_text(diags));
    (void)check(*pack, {}, diags);
    return render_text(diags).find("[R0601 ") != std::string::npos;
  };
  CHECK_FALSE(says_unmapped(""));
  CHECK(says_unmapped(" when scan"));
  CHECK(says_unmapped(" when not scan"));
}
