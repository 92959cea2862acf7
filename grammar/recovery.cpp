// SPDX-License-Identifier: Apache-2.0
// What is said about a statement that cannot be read, and where reading goes on behind it.
#include <algorithm>
#include <array>
#include <utility>

#include "grammar/reading.h"

namespace rulec::grammar {
namespace {

constexpr std::string_view ArrowWanted = "`->`, `=>` or `<=` between the two sides of a rule";

bool is_any_of(std::string_view what, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, what) != list.end();
}

/// The token at `at` as people see it: a word, a text, an operator or one character.
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
  static constexpr std::string_view symbols = "-=<>|&!*/.";
  while (size < rest.size() && size < 3 && symbols.find(rest[size]) != std::string_view::npos) ++size;
  if (size > 0) return rest.substr(0, size);
  size = 1;
  while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0) == 0x80) ++size;
  return rest.substr(0, size);
}

/// The end of the last token before `at`, which stands at the end of a line or of the text.
std::uint32_t end_of_code(const Reading& reading, std::uint32_t at) {
  std::uint32_t end = at;
  if (at == reading.text.size()) {
    while (end > 0 && std::string_view(" \t\r\n").find(reading.text[end - 1]) != std::string_view::npos) --end;
  }
  const std::size_t newline = end == 0 ? std::string_view::npos : reading.text.rfind('\n', end - 1);
  const auto line = static_cast<std::uint32_t>(newline == std::string_view::npos ? 0 : newline + 1);
  std::uint32_t last = line;
  for (std::uint32_t i = reading.skip_blanks(line); i < end; i = reading.skip_blanks(last)) {
    last = i + static_cast<std::uint32_t>(token(reading.text, i).size());
  }
  return last == line ? end : std::min(last, end);
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

/// What people probably meant who wrote `found` here; empty if we cannot say.
std::string_view meant(std::string_view found, const std::vector<std::string_view>& wants) {
  const auto wanted = [&](std::string_view words) { return std::ranges::find(wants, words) != wants.end(); };
  if (wanted(ArrowWanted)) {
    if (is_any_of(found, {"->", "=>", "<="})) return "an arrow stands between blanks";
    if (is_any_of(found, {"-", ">", "=", "<-", "<->", "-->", "==>", "<=>", "→", "↔", "⇒"})) return "did you mean `->`?";
    if (is_any_of(found, {"←", "⇐"})) return "did you mean `<=`?";
    if (found == "|") return "hooks stand behind the right side";
    if (found == "{") return "a body opens behind `A -> B`, `for`, `when` or `block`";
  }
  if (wanted("an axis or `]`") || wanted("an axis, `+`, `pad` or `)`") || wanted("an axis")) {
    if (!found.empty() && found[0] >= '0' && found[0] <= '9')
      return "a size is never written as a number: name it with `let`";
    if (found == ",") return "axes stand between blanks";
  }
  if (wanted("`@` and an axis")) return "a shape stands behind `:`";
  if (found == "=" && (wanted("`{` and the rules") || wanted("`:` and a value"))) return "did you mean `==`?";
  if (found == "&&") return "did you mean `and`?";
  if (found == "||") return "did you mean `or`?";
  if (found == "!") return "did you mean `not`?";
  if (found == "'") return "texts stand between `\"`";
  return {};
}

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
    if (is_any_of(first, {"config", "preset", "test", "option"})) return false;
    const std::uint32_t end = reading_.skip_blanks(at + 1);
    return end == text_.size() || text_[end] == '\n';
  }

  bool ends_statement(std::uint32_t newline) const {
    const std::uint32_t next = reading_.skip_lines(newline);
    if (next == text_.size()) return true;
    if (!open_.empty()) return reading_.begins_statement(next);
    const std::string_view word = token(text_, next);
    if (is_any_of(word, {"|", ":", "->", "=>", "<=", "reverse", "allow", "else"})) return false;
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
  SyntaxError error{farthest_, farthest_, joined(wants_), {}, {}, Node::None};
  const std::string_view found = token(text, farthest_);
  if (found.empty() || found == "\n") {
    error.begin = error.end = end_of_code(*this, farthest_);
    error.label = found.empty() ? "found the end of the file" : "found the end of the line";
  } else {
    error.end += static_cast<std::uint32_t>(found.size());
    error.label = "found `" + std::string(found) + "`";
    if (const std::string_view hint = meant(found, wants_); !hint.empty()) error.label += "; " + std::string(hint);
  }
  if (open_ != Node::None) {
    const char closing = text[open_] == '(' ? ')' : text[open_] == '[' ? ']' : '}';
    if (error.expected.find({'`', closing, '`'}) != std::string::npos) error.open = open_;
  }
  const bool is_new = std::ranges::none_of(errors, [&](const SyntaxError& e) { return e.begin == error.begin; });
  if (is_new) errors.push_back(std::move(error));
  Resumption resumption = Skipper(*this, begin, farthest_, with_bodies).run();
  if (resumption.at <= begin) resumption = {begin + 1};  // a stray `}`
  return resumption;
}

}  // namespace rulec::grammar
