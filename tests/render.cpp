// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "grammar/messages.h"

namespace rulec::render_test {
namespace {

/// The span of `what` in a source.
Span find(const Diagnostics& diags, SourceId source, std::string_view what) {
  const std::size_t begin = diags.sources()[source].text().find(what);
  REQUIRE(begin != std::string::npos);
  return {source, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin + what.size())};
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("labels stand under their places, in the order of lines, with notes and helps behind") {
  Diagnostics diags;
  const std::string text = repeat("\n", 36) +
                           "for i in 0..L/2 {\n"
                           "  layer(i).mlp_local.wo.kernel : [F D] -> model.layers.<2i>.mlp.down_proj.weight : [D F]\n";
  const SourceId source = diags.sources().add("gemma2.rules", text);
  report(diags, find(diags, source, "<2i>"), diag::IndexHole, "the odd layers", "model.layers.*.mlp.down_proj.weight")
      .label("names j = 0, 2, 4, ...")
      .also(find(diags, source, "0..L/2"), "`i` takes 0 .. L/2 - 1")
      .note("missing for every even L >= 2")
      .help("loop over both kinds:\n`for i in 0..L/2, kind in {local, global}`");
  CHECK(render_text(diags) ==
        R"(error[R0402 index-hole]: nothing writes the odd layers of `model.layers.*.mlp.down_proj.weight`
  --> gemma2.rules:38:56
37 | for i in 0..L/2 {
   |          ------ `i` takes 0 .. L/2 - 1
38 |   layer(i).mlp_local.wo.kernel : [F D] -> model.layers.<2i>.mlp.down_proj.weight : [D F]
   |                                                        ^^^^ names j = 0, 2, 4, ...
   = note: missing for every even L >= 2
   = help: loop over both kinds:
           `for i in 0..L/2, kind in {local, global}`
)");
}

TEST_CASE("labels of one line are stacked, those of other files follow") {
  Diagnostics diags;
  const SourceId source = diags.sources().add("a.rules", "q : [D N H] -> w : [N D] | f\n");
  const SourceId other = diags.sources().add("b.rules", "\nhook f = sub(1)");
  report(diags, find(diags, source, "H"), diag::AxisLost, "H", "left")
      .label("size head_dim")
      .also(find(diags, other, "f"), "defined here")
      .also(find(diags, source, "[N D]"), "N*D elements");
  report(diags, FilePlace{"x/model.safetensors", 1234}, diag::BadHeader, "x", "it ends early");
  report(diags, FilePlace{"x", std::nullopt}, diag::NoCheckpoint, "x");
  report(diags, std::monostate{}, diag::Usage, "give a pack").help("rulec check PACK");
  CHECK(render_text(diags) == R"(error[R0301 shape-axis-lost]: axis `H` is on the left only
  --> a.rules:1:10
 1 | q : [D N H] -> w : [N D] | f
   |          ^ size head_dim
   |                    ----- N*D elements
  ::: b.rules:2:6
 2 | hook f = sub(1)
   |      - defined here

error[R0802 bad-header]: `x` is not a safetensors file: it ends early
  --> x/model.safetensors (byte 1234)

error[R0814 no-checkpoint]: there is no checkpoint in `x`
  --> x

error[R0903 usage]: give a pack
   = help: rulec check PACK
)");
}

TEST_CASE("what several were told is one list, with the lines of each") {
  Diagnostics all;
  report(all, std::monostate{}, diag::Usage, "first");
  for (const std::string_view file : {"a.rules", "b.rules"}) {
    Diagnostics one;
    const SourceId source = one.sources().add(std::string(file), "q : [D]\n");
    report(one, find(one, source, "D"), diag::AxisLost, "D", "left");
    all.append(one);
  }
  CHECK(all.errors() == 3);
  CHECK(render_text(all) == R"(error[R0903 usage]: first

error[R0301 shape-axis-lost]: axis `D` is on the left only
  --> a.rules:1:6
 1 | q : [D]
   |      ^

error[R0301 shape-axis-lost]: axis `D` is on the left only
  --> b.rules:1:6
 1 | q : [D]
   |      ^
)");
}

TEST_CASE("carets hold under tabs, long characters, bytes that are no text and ends of lines") {
  Diagnostics diags;
  const SourceId source = diags.sources().add("a\nb", "\t\xC3\xA9\xE2\x86\x92\x1b\xff here\tx\r\n");
  report(diags, find(diags, source, "here"), diag::Syntax, "a\x1b[31m\n").label("\xff \xE2\x80\xAE");
  report(diags, Span{source, 15, 15}, diag::Syntax, "more");
  report(diags, Span{source, 0, 400}, diag::Syntax, "all");
  CHECK(render_text(diags) ==
        "error[R0101 syntax]: expected a\\x1b[31m\\n\n"
        "  --> a\\nb:1:10\n"
        " 1 |     \xC3\xA9\xE2\x86\x92\\x1b\\xff here    x\n"
        "   |                ^^^^ \\xff \\u{202e}\n"
        "\n"
        "error[R0101 syntax]: expected more\n"
        "  --> a\\nb:1:16\n"
        " 1 |     \xC3\xA9\xE2\x86\x92\\x1b\\xff here    x\n"
        "   |                         ^\n"
        "\n"
        "error[R0101 syntax]: expected all\n"
        "  --> a\\nb:1:1\n"
        " 1 |     \xC3\xA9\xE2\x86\x92\\x1b\\xff here    x\n"
        "   | ^^^^^^^^^^^^^^^^^^^^^^^^\n");
}

TEST_CASE("of a long line, what surrounds the caret is shown") {
  const auto rendered = [](std::size_t before, std::size_t behind) {
    Diagnostics diags;
    const SourceId source = diags.sources().add("a", repeat("a", before) + "!" + repeat("b", behind));
    report(diags, find(diags, source, "!"), diag::Syntax, "less");
    const std::string text = render_text(diags);
    return text.substr(text.find(" 1 |"));
  };
  CHECK(rendered(500, 500) ==
        " 1 | ..." + repeat("a", 80) + "!" + repeat("b", 79) + "...\n   | " + repeat(" ", 83) + "^\n");
  CHECK(rendered(2, 500) == " 1 | aa!" + repeat("b", 157) + "...\n   |   ^\n");
  CHECK(rendered(500, 2) == " 1 | ..." + repeat("a", 157) + "!bb\n   | " + repeat(" ", 160) + "^\n");
  CHECK(rendered(100, 59) == " 1 | " + repeat("a", 100) + "!" + repeat("b", 59) + "\n   | " + repeat(" ", 100) + "^\n");
}

TEST_CASE("colours are those of rustc") {
  Diagnostics diags;
  const SourceId source = diags.sources().add("a", "x y");
  report(diags, find(diags, source, "y"), diag::Syntax, "z")
      .label("here")
      .also(find(diags, source, "x"), "there")
      .note("n");
  CHECK(render_text(diags, {.color = true}) ==
        "\x1b[1;31merror[R0101 syntax]\x1b[0m\x1b[1m: expected z\x1b[0m\n"
        "  \x1b[1;34m-->\x1b[0m a:1:3\n"
        "\x1b[1;34m 1 |\x1b[0m x y\n"
        "\x1b[1;34m   |\x1b[0m \x1b[1;34m- there\x1b[0m\n"
        "\x1b[1;34m   |\x1b[0m   \x1b[1;31m^ here\x1b[0m\n"
        "   \x1b[1;34m=\x1b[0m \x1b[1mnote\x1b[0m: n\n");
}

TEST_CASE("JSON tells the same") {
  Diagnostics diags;
  const SourceId source = diags.sources().add("a.rules", "x\nyy \xff");
  report(diags, find(diags, source, "yy"), diag::ShapeRedundant, "\xff").label("here").note("n").help("h").help("i");
  report(diags, FilePlace{"x", 12}, diag::BadHeader, "x", "y");
  report(diags, std::monostate{}, diag::Usage, "u");
  const auto json = nlohmann::json::parse(render_json(diags));
  REQUIRE(json.size() == 3);
  CHECK(json[0]["id"] == "R0307");
  CHECK(json[0]["name"] == "shape-redundant");
  CHECK(json[0]["severity"] == "warning");
  CHECK(json[0]["message"] == "\xEF\xBF\xBD changes nothing");
  CHECK(json[0]["file"] == "a.rules");
  CHECK(json[0]["line"] == 2);
  CHECK(json[0]["column"] == 1);
  CHECK(json[0]["end_line"] == 2);
  CHECK(json[0]["end_column"] == 3);
  CHECK(json[0]["offset"] == 2);
  CHECK(json[0]["labels"][0]["text"] == "here");
  CHECK(json[0]["notes"] == nlohmann::json{"n"});
  CHECK(json[0]["helps"].size() == 2);
  CHECK(json[1]["file"] == "x");
  CHECK(json[1]["offset"] == 12);
  CHECK(json[1]["line"].is_null());
  CHECK(json[2]["file"].is_null());
  CHECK(nlohmann::json::parse(render_json(Diagnostics())).empty());
}

}  // namespace rulec::render_test
