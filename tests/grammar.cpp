// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "grammar/overloaded.h"
#include "grammar/parse.h"
#include "grammar/print.h"

namespace rulec::grammar_test {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> packs() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(RULEC_TESTS_DIR "/data/rules"))
    out.push_back(entry.path());
  return out;
}

/// The text printed anew, or the messages.
std::string reprint(const std::string& text) {
  Diagnostics diags;
  const Result<ast::File> file = parse(diags.sources().add("rules", text), diags);
  return file ? print(*file) : render_text(diags);
}

/// The ids of the messages for a text, such as "R0101 R0104".
std::string ids(const std::string& text) {
  Diagnostics diags;
  const Result<ast::File> file = parse(diags.sources().add("rules", text), diags);
  std::string out;
  for (const Diagnostic& diagnostic : diags.all()) out += (out.empty() ? "" : " ") + std::string(diagnostic.id);
  CHECK(static_cast<bool>(file) == out.empty());
  return out;
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

/// An expression with every operation in parentheses.
std::string shown(const ast::File& file, ast::ExprId id) {
  const auto at = [&](ast::ExprId part) { return shown(file, part); };
  static constexpr const char* Operators[] = {
      "or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "else"};
  return std::visit(
      Overloaded{
          [&](const ast::Unary& n) { return (n.op == ast::UnaryOp::Not ? "(not " : "(-") + at(n.of) + ")"; },
          [&](const ast::Binary& n) {
            return "(" + at(n.left) + " " + Operators[static_cast<std::size_t>(n.op)] + " " + at(n.right) + ")";
          },
          [&](const ast::Conditional& n) {
            std::string out = "(";
            for (const ast::Branch& b : n.branches) out += "when " + at(b.condition) + ": " + at(b.value) + " ";
            return out + "else: " + at(n.otherwise) + ")";
          },
          [&](const auto&) { return print(file, id); },
      },
      file[id].node);
}

/// How `let x = TEXT` is read.
std::string read_value(const std::string& text) {
  Diagnostics diags;
  const Result<ast::File> file = parse(diags.sources().add("rules", "let x = " + text), diags);
  if (!file) return render_text(diags);
  return shown(*file, std::get<ast::Let>(file->statements.at(0).node).definitions.at(0).value);
}

}  // namespace

TEST_CASE("a printed pack reads as the same pack") {
  for (const auto& path : packs()) {
    CAPTURE(path);
    const std::string once = reprint(read_file(path));
    CHECK(once.find("error[") == std::string::npos);
    CHECK(reprint(once) == once);
  }
}

TEST_CASE("operators bind as the reference says") {
  const std::pair<const char*, const char*> rows[] = {
      {"a + b * c", "(a + (b * c))"},
      {"(a + b) * c", "((a + b) * c)"},
      {"a - b - c", "((a - b) - c)"},
      {"a / 2i", "(a / (2 * i))"},
      {"a / 2 * i", "((a / 2) * i)"},
      {"4(n + 1) % 3", "((4 * (n + 1)) % 3)"},
      {"2e3", "2e3"},
      {"2e-3", "2e-3"},
      {"2e + 3", "((2 * e) + 3)"},
      {"2e", "(2 * e)"},
      {"2e3x", "(2 * e3x)"},
      {"-a * b", "((-a) * b)"},
      {"- -2a", "(-(-(2 * a)))"},
      {"a // b % c", "((a // b) % c)"},
      {"not a == b", "(not (a == b))"},
      {"not a and b or c", "(((not a) and b) or c)"},
      {"a or b and c", "(a or (b and c))"},
      {"a else b else c", "(a else (b else c))"},
      {"a or b else c", "((a or b) else c)"},
      {"when a: b else c else: d", "(when a: (b else c) else: d)"},
      {"a else when b: c else: d", "(a else (when b: c else: d))"},
      {"when a: b when c: d else: e + 1", "(when a: b when c: d else: (e + 1))"},
      {"own[i].x.y[2]", "own[i].x.y[2]"},
      {"hf.a.b >= 1", "(hf.a.b >= 1)"},
      {"truely", "truely"},
      {"notion and order", "(notion and order)"},
  };
  for (const auto& [text, tree] : rows) {
    CAPTURE(text);
    CHECK(read_value(text) == tree);
  }
}

TEST_CASE("printed expressions keep their meaning") {
  for (const char* text : {"(a + b) * c",
                           "a - (b - c)",
                           "2(3 * x)",
                           "2 * 3",
                           "(2e3) * x",
                           "2 * e3",
                           "2(2x)",
                           "-(a + b)",
                           "(a else b) + 1",
                           "(when a: b else: c) else d",
                           "not (a and b)",
                           "(a == b) == c",
                           "f(when a: b else: c)",
                           "a / (2i)",
                           "(a / 2) * i",
                           "(not a) == b",
                           "-(-a)",
                           "2(-a)",
                           "2(a[1])",
                           "\"a\\\"b\\\\c\\n\""}) {
    CAPTURE(text);
    Diagnostics diags;
    const Result<ast::File> file = parse(diags.sources().add("rules", std::string("let x = ") + text), diags);
    REQUIRE(file);
    const std::string printed = print(*file, std::get<ast::Let>(file->statements.at(0).node).definitions.at(0).value);
    CAPTURE(printed);
    CHECK(read_value(printed) == read_value(text));
  }
}

TEST_CASE("spans are exactly the text, without blanks around it") {
  Diagnostics diags;
  const std::string text =
      "for i in 0..L/2 , k in { a = 1 , b }  {  # why\n"
      "  x.<2i + 1>[ i // 2 @ 0 ] : [ (A  pad B) 1 C//4 ]  ->  y : [A]  | f( n , z : [A] ) | g   when  ( a ) * b > c   "
      "# end\n"
      "}  \n";
  const Result<ast::File> file = parse(diags.sources().add("rules", text), diags);
  REQUIRE(file);
  const auto of = [&](Span span) { return std::string(diags.sources().text(span)); };
  const auto& loop = std::get<ast::For>((*file)[file->body.at(0)].node);
  const auto& rule = std::get<ast::Rule>((*file)[loop.body.at(0)].node);
  CHECK(of((*file)[file->body.at(0)].span) == text.substr(0, text.size() - 3));
  CHECK(of((*file)[std::get<ast::Range>(loop.binders[0].values).end].span) == "L/2");
  CHECK(of(std::get<std::vector<ast::Label>>(loop.binders[1].values)[0].text.span) == "a");
  CHECK(of(rule.left.span) == "x.<2i + 1>[ i // 2 @ 0 ] : [ (A  pad B) 1 C//4 ]");
  CHECK(of(rule.arrow_span) == "->");
  CHECK(of(rule.right.span) == "y : [A]  | f( n , z : [A] ) | g");
  const ast::Term& term = (*file)[std::get<std::vector<ast::TermId>>(rule.left.node)[0]];
  const ast::Template& path = (*file)[term.path];
  CHECK(of(path.span) == "x.<2i + 1>[ i // 2 @ 0 ]");
  CHECK(of(path.segments[1].parts[0].span) == "<2i + 1>");
  CHECK(of((*file)[std::get<ast::Hole>(path.segments[1].parts[0].node).index].span) == "2i + 1");
  CHECK(of((*file)[*term.shape].span) == "[ (A  pad B) 1 C//4 ]");
  CHECK(of((*file)[(*file)[*term.shape].dims[0]].span) == "(A  pad B)");
  CHECK(of((*file)[(*file)[*term.shape].dims[2]].span) == "C//4");
  CHECK(of((*file)[*rule.condition].span) == "( a ) * b > c");
  const auto& compared = std::get<ast::Binary>((*file)[*rule.condition].node);
  CHECK(of((*file)[compared.left].span) == "( a ) * b");
  const ast::Term& right = (*file)[std::get<std::vector<ast::TermId>>(rule.right.node)[0]];
  CHECK(of(right.hooks[0].span) == "f( n , z : [A] )");
  CHECK(of((*file)[std::get<ast::TermId>(right.hooks[0].arguments[1].value)].span) == "z : [A]");
}

TEST_CASE("numbers fit into 64 bits") {
  CHECK(ids("let a = 9223372036854775807") == "");
  CHECK(ids("let a = 9223372036854775808") == "R0104");
  CHECK(ids("let a = 1e999") == "R0104");
  CHECK(ids("for i in {99999999999999999999} { }") == "R0104");
  CHECK(ids("a : [X//99999999999999999999] -> -99999999999999999999") == "R0104 R0104");
}

TEST_CASE("nesting ends in a message, not in a crash") {
  for (const std::size_t depth : {100U, 100000U}) {
    CAPTURE(depth);
    CHECK(ids("let a = " + repeat("(", depth)) == "R0103");
    CHECK(ids("let a = " + repeat("a else ", depth) + "a") == "R0103");
    CHECK(ids("let a = " + repeat("f(", depth) + repeat(")", depth)) == "R0103");
    CHECK(ids("a : " + repeat("[", 1) + repeat("(", depth)) == "R0103");
    CHECK(ids("a -> b | " + repeat("f(x : [A] | ", depth)) == "R0103");
    CHECK(ids(repeat("when a {\n", depth)) == "R0103");
    CHECK(ids("a.<" + repeat("(", depth)) == "R0103");
    CHECK(ids(repeat("a(a(", depth)) == "R0103");
    CHECK(ids("test \"\" with {} { hf { a = " + repeat("[", depth) + " } }") == "R0103");
  }
  CHECK(ids("let a = " + repeat("-", 100000) + "1") == "R0103");
  CHECK(ids("let a = " + repeat("not ", 100000) + "b") == "R0103");
  CHECK(ids("let a = 0" + repeat(" + 1", 100000)) == "R0103");
  CHECK(ids("let a = 0" + repeat(" + 1", 100)) == "");
  CHECK(ids("a" + repeat(".a", 100000) + " -> b") == "");
  CHECK(ids("when a { }" + repeat(" else when b { }", 10000)) == "");
}

TEST_CASE("a body is read although what is in front of it is wrong") {
  CHECK(ids("for i on 0..L {\n  a -> 99999999999999999999\n  hook f = g\n  x > y\n}\nb > c") ==
        "R0101 R0104 R0105 R0101 R0101");
}

TEST_CASE("what is no UTF-8 is no rule text") {
  CHECK(ids("# \xC3\xA9 -> \xE2\x86\x92\n") == "");
  CHECK(ids("\xEF\xBB\xBF"
            "a -> b\n") == "");
  for (const char* bad : {"# \xFF", "\xC3", "\xED\xA0\x80", "\xC0\x80", "\xF4\x90\x80\x80"}) CHECK(ids(bad) == "R0102");
}

TEST_CASE("line ends of other systems are blanks") {
  CHECK(reprint("for i in 0..L {\r\n  a.<i> -> b.<i>\r\n}\r\n") == reprint("for i in 0..L {\n  a.<i> -> b.<i>\n}\n"));
}

TEST_CASE("a file has a bounded number of messages") {
  for (const std::string& text : {repeat("a > b\n", 10000), repeat("when a {\n", 50) + repeat("a > b\n", 10000)}) {
    Diagnostics diags;
    CHECK(!parse(diags.sources().add("rules", text), diags));
    CHECK(diags.all().size() == 100);
  }
}

TEST_CASE("every beginning of a pack ends in a tree or in messages") {
  for (const auto& path : packs()) {
    const std::string text = read_file(path);
    for (std::size_t size = 0; size <= text.size(); ++size) {
      Diagnostics diags;
      const Result<ast::File> file = parse(diags.sources().add("rules", text.substr(0, size)), diags);
      REQUIRE(static_cast<bool>(file) == diags.all().empty());
    }
  }
}

TEST_CASE("odd bytes anywhere end in a tree or in messages") {
  const std::string text = read_file(RULEC_TESTS_DIR "/data/rules/gpt_oss.rules");
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char odd : std::string("\0\n\t \"#()<>[]{}:|,.=-@\\\x7f\x80\xff", 26)) {
      std::string changed = text;
      changed[at] = odd;
      Diagnostics diags;
      const Result<ast::File> file = parse(diags.sources().add("rules", changed), diags);
      REQUIRE(static_cast<bool>(file) == diags.all().empty());
      if (!file && at % 16 == 0) REQUIRE(!render_text(diags).empty());
      if (!file && at % 16 == 0) REQUIRE(!render_json(diags).empty());
    }
  }
}

}  // namespace rulec::grammar_test
