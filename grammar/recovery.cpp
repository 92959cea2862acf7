// SPDX-License-Identifier: Apache-2.0
// Where reading goes on behind a statement that cannot be read.
#include <algorithm>
#include <array>
#include <utility>

#include "grammar/reading.h"

namespace rulec::grammar {
namespace {

/// The brackets in `begin`..`end` that are not closed there.
std::vector<std::uint32_t> unclosed(std::string_view text, std::uint32_t begin, std::uint32_t end) {
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = begin; i < end;) {
    const char c = text[i];
    if (c == '#') {
      while (i < end && text[i] != '\n') ++i;
      continue;
    }
    if (c == '(' || c == '[' || c == '{') open.push_back(i);
    if (!open.empty() && (c == ')' || c == ']' || c == '}')) open.pop_back();
    i += c == '"' ? static_cast<std::uint32_t>(token(text, i).size()) : 1;
  }
  return open;
}

class Skipper {
 public:
  Skipper(const Reading& reading, std::uint32_t begin, std::uint32_t bad, bool with_bodies)
      : reading_(reading), text_(reading.text), begin_(begin), bad_(bad), with_bodies_(with_bodies) {}

  Resumption run() {
    if (bad_ >= text_.size()) return {static_cast<std::uint32_t>(text_.size())};
    open_ = unclosed(text_, begin_, bad_);
    if (const auto line = statement_within()) return {line};
    return behind();
  }

 private:
  /// A bracket that was never closed may have swallowed statements: the first line of those, or 0.
  std::uint32_t statement_within() const {
    if (open_.empty()) return 0;
    for (std::size_t i = text_.find('\n', open_.front()); i < bad_; i = text_.find('\n', i + 1)) {
      const auto line = static_cast<std::uint32_t>(i + 1);
      if (reading_.begins_statement(line)) return line;
    }
    return 0;
  }

  Resumption behind() {
    for (std::uint32_t i = bad_; i < text_.size();) {
      const char c = text_[i];
      if (c == '#') {
        i = reading_.skip_blanks(i);
        continue;
      }
      if (c == '{' && with_bodies_ && opens_body(i)) return {i, true};
      if (c == '\n' && ends_statement(i)) return {i};
      if (c == '(' || c == '[' || c == '{') open_.push_back(i);
      if (c == ')' || c == ']') close(c == ')' ? '(' : '[');
      if (c == '}' && !close('{')) return {i};
      i += c == '"' ? static_cast<std::uint32_t>(token(text_, i).size()) : 1;
    }
    return {static_cast<std::uint32_t>(text_.size())};
  }

  /// Closes the innermost bracket of this kind and whatever was forgotten inside it.
  bool close(char bracket) {
    for (std::size_t i = open_.size(); i > 0; --i) {
      if (text_[open_[i - 1]] != bracket) {
        if (bracket != '{') return false;
        continue;
      }
      open_.resize(i - 1);
      return true;
    }
    return false;
  }

  bool opens_body(std::uint32_t at) const {
    const std::string_view first = token(text_, begin_);
    static constexpr std::array<std::string_view, 4> Valued{"config", "preset", "test", "option"};
    if (std::ranges::find(Valued, first) != Valued.end()) return false;
    const std::uint32_t end = reading_.skip_blanks(at + 1);
    return end == text_.size() || text_[end] == '\n';
  }

  /// Whether the line ends with an arrow: the other side stands in the next.
  bool follows_arrow(std::uint32_t newline) const {
    std::string_view line = text_.substr(0, newline);
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    return line.ends_with(" ->") || line.ends_with(" =>") || line.ends_with(" <=");
  }

  bool ends_statement(std::uint32_t newline) const {
    const std::uint32_t next = reading_.skip_lines(newline);
    if (next == text_.size()) return true;
    if (!open_.empty() || follows_arrow(newline)) return reading_.begins_statement(next);
    const std::string_view word = token(text_, next);
    static constexpr std::array<std::string_view, 8> Joining{"|", ":", "->", "=>", "<=", "reverse", "allow", "else"};
    if (std::ranges::find(Joining, word) != Joining.end()) return false;
    // A further branch of an unfinished conditional.
    const std::string_view line = text_.substr(next, text_.find('\n', next) - next);
    return word != "when" || line.find(':') == std::string_view::npos;
  }

  const Reading& reading_;
  std::string_view text_;
  std::uint32_t begin_;
  std::uint32_t bad_;
  bool with_bodies_;
  std::vector<std::uint32_t> open_;
};

}  // namespace

Resumption Reading::give_up(std::uint32_t begin, bool with_bodies) {
  SyntaxError error = error_at_farthest(begin);
  const bool is_new = std::ranges::none_of(errors, [&](const SyntaxError& e) { return e.begin == error.begin; });
  if (is_new && errors.size() < MaxErrors) errors.push_back(std::move(error));
  Resumption resumption = Skipper(*this, begin, farthest_, with_bodies).run();
  if (resumption.at <= begin) resumption = {begin + 1};  // a stray `}`
  return resumption;
}

}  // namespace rulec::grammar
