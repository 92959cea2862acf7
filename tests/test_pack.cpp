// SPDX-License-Identifier: Apache-2.0
// What `rulec test` finds: value tests and round trips over small packs, and over Gemma 2.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rules/rules.h"

#include <rulec/rulec.h>

namespace rulec::test_pack_test {
namespace {

struct Outcome {
  bool passes = false;
  std::vector<std::string> lines;
  std::string messages;

  std::string joined() const {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }
  bool says(std::string_view text) const { return messages.find(text) != std::string::npos; }
  bool has_line(std::string_view line) const { return std::ranges::find(lines, line) != lines.end(); }
};

Outcome outcome_of(const RulePack& pack, Diagnostics& diags) {
  Outcome outcome;
  outcome.passes = static_cast<bool>(test(pack, outcome.lines, diags));
  outcome.messages = render_text(diags);
  return outcome;
}

Outcome run(const std::string& text) {
  Diagnostics diags;
  PackFolder nothing;
  nothing.read = [](std::string_view) { return std::nullopt; };
  Result<Rules> rules = load_rules(diags.sources().add("p.rules", text), nothing, diags);
  INFO(render_text(diags));
  REQUIRE(rules);
  return outcome_of(RulePack(std::make_shared<const Rules>(*std::move(rules))), diags);
}

/// A pack with layers in pairs, stacked or not.
std::string pack(std::string_view rules, std::string_view tests) {
  std::string text = R"(pack p : maxtext -> hf
config hf { L = num_layers
  D = hidden
  N = heads
  H = head_dim }
option scan_layers : bool = true
require L % 2 == 0 "pairs"
hook zero_centred = sub(1) reverse cast(f32) | add(1)
path layer(i) = when scan_layers: layers[i @ 1]
                else:             layers_<i>
)";
  return text.append(rules).append("\n").append(tests).append("\n");
}

constexpr std::string_view Attention = R"(norm.scale : [D] -> norm.weight | zero_centred
for i in 0..L/2, kind in {local, global} {
  layer(i) -> layers.<2i + kind> { <kind>.query.kernel : [D N H] -> q.weight : [(N H) D] }
})";

}  // namespace

TEST_CASE("models for which no sizes fit leave time to look for those of others") {
  // Sizes for `vision` are found in one of several hundred draws. The blocks need a special layer, which layers that
  // are stacked exclude, as only drawn sizes tell.
  std::string text = R"(pack p : maxtext -> hf
config hf { L = layers
  S = special
  D = d
  N = n
  K = k }
option scan_layers : bool = true "stack"
option vision : bool = true "eyes"
require not (scan_layers and S > 0) "special layers cannot be stacked"
require not vision or (N % K == 0 and D % N == 0 and K > 1 and N > K and D > N) "whole heads"
path layer(i) = when scan_layers: layers[i @ 1] else: layers_<i>
for i in 0..L {
  layer(i).w : [D N] -> layers.<i>.w : [N D]
  layer(i).k : [D K] -> layers.<i>.k : [K D]
}
for s in 0..S { special.<s> : [D] -> special.<s>.w : [D] }
when vision { eye.w : [D N K] -> eye.w : [K D N] }
)";
  for (const char* name : {"a", "b", "c", "d"}) {
    text += fmt::format(R"(test "{}" with {{D = 2, N = 2, K = 2, vision = false}} {{
  hf {{ special.0.w = [1, 2] }}
  maxtext {{ special.0 = [1, 2] }}
}}
)",
                        name);
  }
  const Outcome outcome = run(text);
  CHECK_MESSAGE(outcome.passes, outcome.messages);
  CHECK_MESSAGE(outcome.joined().find("round trip scan_layers = false, vision = true: ") != std::string::npos,
                outcome.joined());
}

TEST_CASE("Values of a test name one another, in whatever order they stand") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { V = vocab
  W = width }
a : [V W] -> b
test "swap" with {V = W, W = 2} {
  maxtext { a = [[1, 2], [3, 4]] }
  hf { b = [[1, 2], [3, 4]] }
}
)");
  INFO(outcome.messages);
  CHECK(outcome.has_line("ok    swap"));
}

TEST_CASE("What a test gives decides what the options are that depend on it") {
  const std::string rules = R"(pack p : maxtext -> hf
config hf { W = width
  model = model_type }
let half = W / 2, two = 2
option rope : {"halves", "pairs"} = when model == "new": "pairs" else: "halves"
when rope == "pairs" { a : [(half two)] -> b : [(two half)] } else { a : [W] -> b }
)";
  const Outcome outcome = run(rules + R"(test "pairs" with {W = 4, model = "new"} {
  maxtext { a = [1, 2, 3, 4] }
  hf { b = [1, 3, 2, 4] }
}
test "halves" with {W = 4, model = "old"} {
  maxtext { a = [1, 2, 3, 4] }
  hf { b = [1, 2, 3, 4] }
}
)");
  INFO(outcome.messages);
  CHECK(outcome.has_line("ok    pairs"));
  CHECK(outcome.has_line("ok    halves"));
}

TEST_CASE("A layout that the pack excludes is not tested; if it excludes all of them, that is said") {
  const std::string rules = "pack p : maxtext -> hf\nconfig hf { D = dim }\noption scan : bool = false\na : [D] -> b\n";
  const std::string test = "test \"one\" with {D = 2} { maxtext { a = [1, 2] }\n hf { b = [1, 2] } }\n";
  const Outcome one = run(rules + "require not scan \"no stacks\"\n" + test);
  INFO(one.messages);
  CHECK(one.joined() ==
        "ok    one (scan = false)\n"
        "ok    round trip scan = false: 1 + 1 tensors, bf16\n"
        "ok    round trip scan = false: 1 + 1 tensors, f32\n");
  const Outcome none = run(rules + "require scan and not scan \"nothing\"\n" + test);
  CHECK(!none.passes);
  CHECK(none.says("error[R0216 require-failed]"));
}

TEST_CASE("What rules take an element of is a list, and no size") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { L = layers
  D = dim
  kinds = layer_types }
for i in 0..L {
  let is_full = kinds[i] == "full" else i % 2 == 1
  a.<i> : [D] -> b.<i> when is_full
  c.<i> : [D] -> d.<i> when not is_full
}
test "odd layers are full" with {L = 2, D = 1} {
  maxtext { a.1 = [1]
    c.0 = [2] }
  hf { b.1 = [1]
    d.0 = [2] }
}
)");
  INFO(outcome.messages);
  CHECK(outcome.has_line("ok    odd layers are full"));
}

TEST_CASE("Values of a preset name one another; those that lead nowhere are an error") {
  const std::string rules = "pack p : maxtext -> hf\nconfig hf { V = vocab\n  W = width }\na : [V W] -> b\n";
  const auto shapes = [&](const std::string& preset) {
    Diagnostics diags;
    Result<Rules> loaded = load_rules(diags.sources().add("p.rules", rules + preset), {}, diags);
    BindOptions options;
    options.preset = "s";
    std::string text;
    if (loaded) {
      const RulePack pack(std::make_shared<const Rules>(*std::move(loaded)));
      if (const Result<Model> model = bind(pack, options, diags)) text = to_string(model->tensors("hf").front().shape);
    }
    return text + render_text(diags);
  };
  CHECK(shapes("preset s { V = W + 1, W = 2 }\n") == "[3 2]");
  CHECK(shapes("preset s { hf.vocab = hf.width, hf.width = 2 }\n") == "[2 2]");
  CHECK(shapes("preset s { V = W + 1, W = V + 1 }\n").find("error[R0201") != std::string::npos);
}

TEST_CASE("Values of a wrong shape are said once, whatever the layouts") {
  const Outcome outcome = run(pack(Attention, R"(
test "norms" with {D = 2} {
  hf      { norm.weight = [0.5] }
  maxtext { norm.scale = [1.5, 0.0] }
})"));
  const std::size_t first = outcome.messages.find("the values given are");
  REQUIRE(first != std::string::npos);
  CHECK(outcome.messages.find("the values given are", first + 1) == std::string::npos);
}

TEST_CASE("A test block passes in both layouts, and each round trip has its line") {
  const Outcome outcome = run(pack(Attention, R"(
test "norms" with {D = 2} {
  hf      { norm.weight = [0.5, -1.0] }
  maxtext { norm.scale = [1.5, 0.0] }
})"));
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.passes);
  CHECK(outcome.messages.empty());
  CHECK(outcome.joined() ==
        "ok    norms (scan_layers = true)\n"
        "ok    norms (scan_layers = false)\n"
        "ok    round trip scan_layers = true: 3 + 5 tensors, bf16\n"
        "ok    round trip scan_layers = true: 3 + 5 tensors, f32\n"
        "ok    round trip scan_layers = false: 5 + 5 tensors, bf16\n"
        "ok    round trip scan_layers = false: 5 + 5 tensors, f32\n");
}

TEST_CASE("A value that is off by one fails, in both directions, with place and numbers") {
  const Outcome outcome = run(pack(Attention, R"(
test "norms" with {D = 2, scan_layers = true} {
  hf      { norm.weight = [0.5, -1.0] }
  maxtext { norm.scale = [1.5, 1.0] }
})"));
  CHECK(!outcome.passes);
  CHECK(outcome.has_line("FAIL  norms"));
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.says("error[R0614 test-failed]: test \"norms\": `norm.scale` [1] is 0, expected 1"));
  CHECK(outcome.says("error[R0614 test-failed]: test \"norms\": `norm.weight` [1] is 0, expected -1"));
  CHECK(outcome.says("p.rules:18:13"));
  CHECK(outcome.says("found    [1.5, 0]"));
}

TEST_CASE(
    "A path with brackets names a slice of the stacked tensor, and the tensor itself where layers are not stacked") {
  constexpr std::string_view Test = R"(
test "query" with {D = 2, N = 1, H = 3} {
  hf      { layers.3.q.weight = [[1, 2], [3, 4], [5, 6]] }
  maxtext { layer(1).global.query.kernel = [[[1, 3, 5]], [[2, 4, 6]]] }
})";
  const Outcome outcome = run(pack(Attention, Test));
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.passes);
  CHECK(outcome.has_line("ok    query (scan_layers = true)"));
  CHECK(outcome.has_line("ok    query (scan_layers = false)"));

  SUBCASE("so that exchanged layers are seen") {
    std::string swapped(Attention);
    swapped.replace(swapped.find("<2i + kind>"), 11, "<2i + 1 - kind>");
    const Outcome wrong = run(pack(swapped, Test));
    CHECK(!wrong.passes);
    CHECK(wrong.says("R0614"));
  }
  SUBCASE("so that exchanged axes are seen") {
    std::string swapped(Attention);
    swapped.replace(swapped.find("[(N H) D]"), 9, "[D (N H)]");
    CHECK(run(pack(swapped, Test)).says("`layers.3.q.weight` is [2 3], the values given are [3 2]"));
  }
}

TEST_CASE("A layout that lacks a tensor is skipped; one that no layout has is an error with close names") {
  const Outcome one = run(pack(Attention, R"(
test "unscanned" with {D = 1, N = 1, H = 1} {
  hf      { layers.0.q.weight = [[7]] }
  maxtext { layers_0.local.query.kernel = [[[7]]] }
})"));
  CAPTURE(one.messages);
  CHECK(one.passes);
  CHECK(one.has_line("ok    unscanned (scan_layers = false)"));
  CHECK(!one.has_line("ok    unscanned (scan_layers = true)"));

  const Outcome none = run(pack(Attention, R"(
test "typo" with {D = 2} {
  hf      { norm.weigth = [0.5, -1.0] }
  maxtext { norm.scale = [1.5, 0.0] }
})"));
  CHECK(!none.passes);
  CAPTURE(none.messages);
  CHECK(none.says("test \"typo\": no layout has `norm.weigth`"));
  CHECK(none.says("these names are close: `norm.weight`"));
}

TEST_CASE("A tensor that is written in neither direction fails, unless what is made of it is named") {
  constexpr std::string_view OneWay = R"(pack p : maxtext -> hf
let D = 2
norm.scale : [D] => norm.weight
)";
  const auto with = [&](std::string_view sides) {
    return run(std::string(OneWay) + "test \"one way\" with {D = 2} {\n" + std::string(sides) + "\n}\n");
  };
  const Outcome alone = with("  maxtext { norm.scale = [1, 2] }");
  CAPTURE(alone.messages);
  CHECK(!alone.passes);
  CHECK(alone.says("test \"one way\": nothing writes `norm.scale`"));
  CHECK(alone.says("p.rules:5:13"));
  CHECK(alone.has_line("FAIL  one way"));
  const Outcome both = with("  maxtext { norm.scale = [1, 2] }\n  hf { norm.weight = [1, 2] }");
  CAPTURE(both.messages);
  CHECK(both.passes);
  CHECK(both.has_line("ok    one way"));
}

TEST_CASE("A test whose sizes do not fit has a line, and fails") {
  const Outcome outcome = run(pack(Attention, R"(
test "impossible" with {L = 3, D = 2, scan_layers = true} {
  hf { norm.weight = [0.5, -1.0] }
  maxtext { norm.scale = [1.5, 0.0] }
})"));
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(!outcome.passes);
  CHECK(outcome.has_line("FAIL  impossible"));
}

TEST_CASE("Values that are no numbers of the tensor's shape are an error") {
  const Outcome ragged = run(pack(Attention, R"(
test "ragged" with {D = 2, N = 1, H = 1, scan_layers = false} {
  hf { layers.0.q.weight = [[1], [1, 2]] }
})"));
  CHECK(!ragged.passes);
  CHECK(ragged.says("is [1 2], the values given are lists of different lengths"));
}

TEST_CASE("A reverse that undoes another function is caught by the round trip") {
  const Outcome outcome =
      run("pack p : maxtext -> hf\nlet D = 4\nhook scale = mul(4) reverse mul(0.5)\nnorm.scale : [D] -> norm.weight | "
          "scale\n");
  CHECK(!outcome.passes);
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.says("error[R0615 round-trip-failed]: `norm.scale` does not come back"));
  CHECK(outcome.has_line("FAIL  round trip: 1 + 1 tensors, bf16"));
}

TEST_CASE("4-bit numbers and their exponents are worked out by hand") {
  // Two blocks of four numbers a row: bytes low nibble first, 2^(exponent - 127) for each block.
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { F = intermediate }
let X = 2, W = 2
hook fp4(n, scale) = shr(4n) | and(15) | lut(0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6)
                     | mul(scale) | cast(bf16)
hook e8m0 = cast(f32) | sub(127) | exp2
for n in 0..2 { w : [(X W n) F] <= w_blocks : [F X W] | fp4(n, w_scales : [F X] | e8m0) }
test "mxfp4" with {F = 2, X = 2, W = 2} {
  hf {
    w_blocks = [[[33, 249], [112, 8]], [[67, 101], [186, 220]]]
    w_scales = [[128, 126], [127, 130]]
  }
  maxtext { w = [[1, 1.5], [2, 2], [-1, 3], [-12, 4], [0, -8], [3, -12], [0, -16], [0, -24]] }
}
)");
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.passes);
  CHECK(outcome.has_line("ok    mxfp4"));
}

TEST_CASE("What goes one way only is not asked to come back") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
let V = 3, Vp = 5, D = 2
embedding : [(V pad Vp) D] -> embed.weight : [V D]
embedding : [(V pad Vp) D] => lm_head.weight : [V D]
ones : [D] -> 1
zeros : [D] <= 0
)");
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.passes);
  CHECK(outcome.has_line("ok    round trip: 2 + 1 tensors, bf16"));
}

TEST_CASE("Sizes keep every require") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { L = layers
  N = heads
  K = kv_heads
  D = hidden }
require N % K == 0 and N > K "groups"
require D % N == 0 "heads fill the width"
require L % 3 == 0 "triples"
let H = D / N
for i in 0..L/3, j in {a, b, c} { x_<j> : [i N H D] -> y.<3i + j> : [(N H) D] }
for i in 0..L { z : [i K H] -> k.<i> : [(K H)] }
)");
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.passes);
}

TEST_CASE("Keys that are compared with a word, or are a truth, are drawn as such") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { D = hidden
  kind = model_type
  tied = tie_word_embeddings }
require kind == "dense" or kind == "moe"
embedding : [D] -> embed
head : [D] -> lm_head when not tied
when kind == "moe" { gate : [D] -> gate }
)");
  CHECK_MESSAGE(outcome.passes, outcome.messages);
  CHECK(outcome.has_line("ok    round trip: 3 + 3 tensors, bf16"));
}

TEST_CASE("Sizes that leave holes are not drawn") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { L = num_layers
  P = period
  D = hidden }
for i in 0..L when i % P == P - 1 { full[i // P @ 0].w : [D] -> layers.<i>.full }
for i in 0..L when i % P != P - 1 { lin[i // P @ 0][i % P @ 1].w : [D] -> layers.<i>.linear }
)");
  CHECK_MESSAGE(outcome.passes, outcome.messages);
}

TEST_CASE("A pack whose sizes cannot be found says why") {
  const Outcome outcome =
      run("pack p : maxtext -> hf\nconfig hf { D = hidden }\nrequire D < 0 \"never\"\na : [D] -> b\n");
  CHECK(!outcome.passes);
  CHECK(outcome.says("R0216"));
  CHECK(outcome.has_line("FAIL  round trip: no small sizes fit"));
}

TEST_CASE("A pack whose tensors only a checkpoint tells has no round trip, which is no fault") {
  const Outcome outcome = run("pack p : maxtext -> hf\ndecoder.layers.<i>.local -> model.layers.<2i>\n");
  CHECK_MESSAGE(outcome.passes, outcome.messages);
  CHECK(outcome.has_line("skip  round trip: only a checkpoint tells its tensors"));
}

TEST_CASE("A fault of the rules is told once, whatever fails for it") {
  const Outcome outcome = run(R"(pack p : maxtext -> hf
config hf { D = hidden }
option flat : bool = true
a : [D] -> b : [D D]
test "one" with {D = 1} { hf { b = [[1]] } }
test "two" with {D = 2} { hf { b = [[1, 2], [3, 4]] } }
)");
  CHECK(!outcome.passes);
  CAPTURE(outcome.messages);
  CHECK(outcome.messages.find("error[") == outcome.messages.rfind("error["));
}

TEST_CASE("Gemma 2 passes its own tests") {
  Diagnostics diags;
  Result<RulePack> pack = load_pack("gemma2", diags);
  REQUIRE(pack);
  const Outcome outcome = outcome_of(*pack, diags);
  CAPTURE(outcome.messages);
  CAPTURE(outcome.joined());
  CHECK(outcome.passes);
  CHECK(outcome.has_line("ok    round trip gemma2-2b, scan_layers = true: 24 + 46 tensors, bf16"));
}

}  // namespace rulec::test_pack_test
