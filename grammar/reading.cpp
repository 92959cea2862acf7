// SPDX-License-Identifier: Apache-2.0
#include "grammar/reading.h"

#include <algorithm>

namespace rulec::grammar {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

bool starts(std::string_view text, std::uint32_t at, std::string_view what) {
  return text.substr(at).starts_with(what);
}

bool is_arrow(std::string_view text, std::uint32_t at) {
  return starts(text, at, "->") || starts(text, at, "=>") || starts(text, at, "<=");
}

}  // namespace

const std::vector<std::string>& statement_words() {
  static const std::vector<std::string> words{"pack", "import", "config", "option", "let",
                                              "hook", "path",   "block",  "preset", "test",
                                              "for",  "when",   "use",    "ignore", "require"};
  return words;
}

std::string_view token(std::string_view text, std::uint32_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.empty()) return rest;
  std::size_t size = 0;
  if (is_word(rest[0])) {
    while (size < rest.size() && is_word(rest[size])) ++size;
    return rest.substr(0, size);
  }
  if (rest[0] == '"') {
    const std::size_t close = rest.find_first_of("\"\n", 1);
    if (close == std::string_view::npos) return rest;
    return rest.substr(0, rest[close] == '"' ? close + 1 : close);
  }
  static constexpr std::string_view Symbols = "-=<>|&!*/.";
  while (size < rest.size() && size < 3 && Symbols.find(rest[size]) != std::string_view::npos) ++size;
  if (size > 0) return rest.substr(0, size);
  size = 1;
  while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0) == 0x80) ++size;
  return rest.substr(0, size);
}

std::uint32_t Reading::skip_blanks(std::uint32_t at) const {
  while (at < text.size() && is_blank(text[at])) ++at;
  if (at < text.size() && text[at] == '#') {
    const std::size_t newline = text.find('\n', at);
    at = static_cast<std::uint32_t>(newline == std::string_view::npos ? text.size() : newline);
  }
  return at;
}

std::uint32_t Reading::skip_lines(std::uint32_t at) const {
  at = skip_blanks(at);
  while (at < text.size() && text[at] == '\n') at = skip_blanks(at + 1);
  return at;
}

std::uint32_t Reading::skip_layout(std::uint32_t at) const {
  if (is_joined) return skip_lines(at);
  const std::uint32_t end = skip_blanks(at);
  if (end == text.size() || text[end] != '\n') return end;
  const std::uint32_t next = skip_lines(end);
  const bool continues = next < text.size() && (text[next] == '|' || text[next] == ':' || is_arrow(text, next));
  return continues ? next : end;
}

bool Reading::is_keyword(std::uint32_t end) const {
  if (end < text.size() && std::string_view(".<[").find(text[end]) != std::string_view::npos) return false;
  const std::uint32_t next = skip_layout(end);
  if (next == text.size()) return true;
  return !is_arrow(text, next) && text[next] != ':' && text[next] != ',';
}

bool Reading::begins_statement(std::uint32_t at) const {
  at = skip_blanks(at);
  std::uint32_t end = at;
  while (end < text.size() && is_word(text[end])) ++end;
  const std::string_view word = text.substr(at, end - at);
  const std::uint32_t next = skip_blanks(end);
  if (next < text.size() && text[next] == '=' && !is_arrow(text, next)) return false;
  if (std::ranges::find(statement_words(), word) != statement_words().end() && is_keyword(end)) return true;
  if (at == text.size() || is_arrow(text, at)) return false;
  const std::string_view line = text.substr(at, text.find('\n', at) - at);
  const std::string_view code = line.substr(0, line.find('#'));
  return code.find(" -> ") != std::string_view::npos || code.find(" => ") != std::string_view::npos;
}

void Reading::start(std::uint32_t at) {
  farthest_ = at;
  is_too_deep_ = false;
  open_ = Node::None;
  wants_.clear();
}

void Reading::note_too_deep(std::uint32_t at) {
  start(at);
  is_too_deep_ = true;
}

void Reading::want(std::uint32_t at, std::string_view words) {
  at = skip_blanks(at);
  if (at < farthest_) return;
  if (at > farthest_) wants_.clear();
  farthest_ = at;
  open_ = open.empty() ? Node::None : open.back();
  if (std::ranges::find(wants_, words) == wants_.end()) wants_.push_back(words);
}

}  // namespace rulec::grammar
