// SPDX-License-Identifier: Apache-2.0
// The lists of tensors beside a preset, which `check` holds against the layouts that fit them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "tests/scratch.h"

#include <rulec/check.h>
#include <rulec/pack.h>

namespace rulec::preset_lists_test {

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

TEST_CASE("a list of another wording is that of its option, which does not hide a wrong shape") {
  const testing::Scratch scratch;
  (void)scratch.write("p/presets/m/config.json", "{}");
  (void)scratch.write("p/presets/m/maxtext.tensors", "w BF16 [2 3]\n");
  (void)scratch.write("p/presets/m/hf.tensors", "w BF16 [2 3]\n");
  const auto has_shape = [&](std::string_view one, std::string_view other) {
    Diagnostics diags;
    const auto rules = scratch.write("p/p.rules", fmt::format(R"(pack p : maxtext -> hf
let D = 2, F = 3
option stored : {{"one", "other"}} = "one" "as it says"
when stored == "one" {{ {} }} else {{ {} }}
)",
                                                              one, other));
    const Result<RulePack> pack = load_pack(rules.string(), diags);
    REQUIRE_MESSAGE(pack, render_text(diags));
    (void)check(*pack, {}, diags);
    return render_text(diags).find("[R0306 ") == std::string::npos;
  };
  CHECK(has_shape("w : [D F] -> w : [D F]", "w : [D F] -> w : [F D]"));
  CHECK(has_shape("w : [D F] -> w : [F D]", "w : [D F] -> w : [D F]"));
  CHECK_FALSE(has_shape("w : [F D] -> w : [F D]", "w : [D F] -> w8 : [D F]"));
  CHECK_FALSE(has_shape("w : [F D] -> w : [D F]", "w : [D F] -> w8 : [D F]"));
}

TEST_CASE("a list of another name and another wording than asked for is left out") {
  const testing::Scratch scratch;
  (void)scratch.write("p/presets/m/config.json", "{}");
  (void)scratch.write("p/presets/m/hf.tensors", "w BF16 [3 2]\n");
  const auto rules = scratch.write("p/p.rules", R"(pack p : maxtext -> hf
let D = 2, F = 3
option bits : {"many", "few"} = "many" "as it says"
option stored : {"one", "other"} = "one" "as it says"
when bits == "few"         { w : [D F] <= w : [D F] | mul(s : [D]) | cast(bf16) }
else when stored == "one" { w : [D F] -> w : [D F] }
else                      { w : [D F] -> w : [F D] }
)");
  Diagnostics diags;
  const Result<RulePack> pack = load_pack(rules.string(), diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  CHECK_MESSAGE(check(*pack, {}, diags), render_text(diags));
  BindOptions few;
  few.options["bits"] = "few";
  CHECK_MESSAGE(check(*pack, few, diags), render_text(diags));
}

TEST_CASE("a tensor that a hook takes may be missing from a list, too") {
  const testing::Scratch scratch;
  (void)scratch.write("p/presets/m/config.json", "{}");
  (void)scratch.write("p/presets/m/hf.tensors", "b.0 F32 [2]\nb.1 F32 [2]\n");
  const auto rules = scratch.write("p/p.rules", R"(pack p : maxtext -> hf
let D = 2
for i in 0..2 {
  a.<i> : [D] <= b.<i> : [D] | mul(s.<i> : [D])
}
)");
  Diagnostics diags;
  const Result<RulePack> pack = load_pack(rules.string(), diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  (void)check(*pack, {}, diags);
  CHECK(render_text(diags).find("s.{0..1}  [2]  (2 tensors)") != std::string::npos);
}

}  // namespace rulec::preset_lists_test
