// SPDX-License-Identifier: Apache-2.0
#include "grammar/reading.h"

#include <algorithm>
#include <array>

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
  const bool is_equals = text[next] == '=' && !starts(text, next, "==");
  return !is_arrow(text, next) && text[next] != ':' && text[next] != ',' && !is_equals;
}

bool Reading::begins_statement(std::uint32_t at) const {
  static constexpr std::array keywords{"pack",   "import", "config", "option", "let", "hook",   "path",   "block",
                                       "preset", "test",   "for",    "when",   "use", "ignore", "require"};
  at = skip_blanks(at);
  std::uint32_t end = at;
  while (end < text.size() && is_word(text[end])) ++end;
  const std::string_view word = text.substr(at, end - at);
  if (std::ranges::find(keywords, word) != keywords.end() && is_keyword(end)) return true;
  if (at == text.size() || is_arrow(text, at)) return false;
  const std::string_view line = text.substr(at, text.find('\n', at) - at);
  const std::string_view code = line.substr(0, line.find('#'));
  return code.find(" -> ") != std::string_view::npos || code.find(" => ") != std::string_view::npos;
}

void Reading::start(std::uint32_t at) {
  farthest_ = at;
  open_ = Node::None;
  wants_.assign({"a rule or another statement"});
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
