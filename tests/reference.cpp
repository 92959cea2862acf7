// SPDX-License-Identifier: Apache-2.0
// The language reference against what is built: every example parses, and every rule of the parser has its production.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "grammar/parse.h"
#include "tests/fenced.h"
#include "tests/scratch.h"

namespace rulec::reference_test {
namespace {

std::string grammar_file(std::string_view name) {
  return testing::read_file(std::filesystem::path(RULEC_TESTS_DIR) / ".." / "grammar" / name);
}

// Rules of grammar.h that are no production: what stands between tokens, and what the reference writes out where it is
// used.
const std::set<std::string, std::less<>> NotInReference{
    "ws",
    "lines",
    "end",
    "equals",
    "entry_line",
    "blank_or_end",
    "rule_end",  // layout
    "list",
    "brackets",
    "braces",
    "operation",
    "statement_of",  // shorthands
    "no_segment",
    "no_path",
    "keyword_ahead",
    "keyword_statement",
    "headless",  // look-ahead, recovery
    "a_name",
    "a_text",
    "a_body",
    "a_statement",  // what must follow
    "minus",
    "inversion",
    "quoted",
    "argument_name",
    "colon_value",
    "list_exponent",  // parts of one production
    "branch_path",
    "path_branches",
    "preset_entries",
    "when_branch",
    "else_branch",
    "glob_any",
};

std::set<std::string, std::less<>> rules_of_the_parser() {
  std::set<std::string, std::less<>> names;
  std::istringstream lines(grammar_file("grammar.h"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("struct ")) continue;
    const std::string name = line.substr(7, line.find_first_of(" ;:", 7) - 7);
    names.insert(name);
  }
  return names;
}

std::string ebnf() {
  for (const testing::FencedBlock& block : testing::fenced_blocks(grammar_file("README.md"))) {
    if (block.language() == "ebnf") return block.text;
  }
  return {};
}

std::set<std::string, std::less<>> productions() {
  std::set<std::string, std::less<>> names;
  std::istringstream lines(ebnf());
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.front() != ' ') names.insert(line.substr(0, line.find(' ')));
  }
  return names;
}

}  // namespace

TEST_CASE("every example of the reference parses") {
  int examples = 0;
  for (const testing::FencedBlock& block : testing::fenced_blocks(grammar_file("README.md"))) {
    if (block.language() != "rules") continue;
    ++examples;
    Diagnostics diags;
    CHECK_MESSAGE(parse(diags.sources().add("README.md:" + std::to_string(block.line), block.text), diags),
                  render_text(diags));
  }
  CHECK(examples > 20);
}

TEST_CASE("the reference has a production for every rule of the parser, and no other") {
  const auto rules = rules_of_the_parser();
  const auto written = productions();
  REQUIRE(rules.size() > 100);
  for (const std::string& rule : rules) CHECK_MESSAGE(written.contains(rule) != NotInReference.contains(rule), rule);
  for (const std::string& production : written) CHECK_MESSAGE(rules.contains(production), production);
  for (const std::string& rule : NotInReference) CHECK_MESSAGE(rules.contains(rule), rule);
}

TEST_CASE("every production that the reference uses is one") {
  const auto known = productions();
  static const std::set<std::string, std::less<>> words{
      "newline", "letters", "digits", "and",      "strings", "one",   "or",      "more",
      "a",       "letter",  "then",   "anything", "but",     "other", "control", "characters"};
  std::istringstream lines(ebnf());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t body = line.find("= ");
    std::string text = line.find_first_not_of(' ') == 0 ? line.substr(body + 1) : line;
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] == '"' || text[at] == '\'') {  // a terminal
        at = text.find(text[at], at + 1) + 1;
        if (at == 0) break;
        continue;
      }
      std::size_t end = at;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
      const std::string word = text.substr(at, end - at);
      if (!word.empty()) CHECK_MESSAGE((known.contains(word) || words.contains(word)), word, " in ", line);
      at = std::max(end, at + 1);
    }
  }
}

}  // namespace rulec::reference_test
