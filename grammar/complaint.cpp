// SPDX-License-Identifier: Apache-2.0
// What is said about a statement that cannot be read.
#include <algorithm>
#include <utility>

#include "grammar/close_names.h"
#include "grammar/reading.h"

namespace rulec::grammar {
namespace {

constexpr std::string_view ArrowWanted = "`->`, `=>` or `<=` between the two sides of a rule";

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

bool is_in_line(std::string_view text, std::uint32_t begin, std::uint32_t end) {
  return begin <= end && text.substr(begin, end - begin).find('\n') == std::string_view::npos;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

/// What stands for what in other languages, or where a word is nearly a keyword.
std::string keyword_meant(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> Synonyms[] = {
      {"if", "when"},   {"elif", "else when"}, {"foreach", "for"}, {"include", "import"},
      {"def", "block"}, {"assert", "require"}, {"const", "let"},   {"var", "let"},
  };
  for (const auto& [foreign, ours] : Synonyms) {
    if (word == foreign) return std::string(ours);
  }
  const std::vector<std::string> close = close_names(word, statement_words(), 1);
  return close.empty() ? std::string() : close.front();
}

/// What a person may have meant who wrote `found` where something else was wanted.
struct Slip {
  std::string_view wanted;  // as in `wants`, or nothing for anywhere
  std::string_view found;   // tokens between blanks, or nothing for any
  std::string_view hint;
};

constexpr Slip Slips[] = {
    {ArrowWanted, " -> => <= ", "an arrow stands between blanks"},
    {ArrowWanted, " - > = <- <-> --> ==> <=> → ↔ ⇒ ", "did you mean `->`?"},
    {ArrowWanted, " ← ⇐ ", "did you mean `<=`?"},
    {ArrowWanted, " | ", "hooks stand behind the right side"},
    {ArrowWanted, " { ", "a body opens behind `A -> B`, `for`, `when` or `block`"},
    {"an axis or `]`", " , ", "axes stand between blanks"},
    {"`@` and an axis", {}, "a shape stands behind `:`"},
    {"`>`", " == != < <= >= ", "a hole holds arithmetic only"},
    {"`{` and the rules", " = ", "did you mean `==`?"},
    {"`{` and the rules", " if ", "did you mean `else when`?"},
    {"a rule or another statement", " // ", "a comment begins with `#`"},
    {"a path or a number", " \n ", "the arrow begins the next line instead"},
    {"`:` and a value", " = ", "did you mean `==`?"},
    {"`:` and a path", " = ", "did you mean `==`?"},
    {"the end of this statement", " = ", "did you mean `==`?"},
    {{}, " ; ", "a statement ends with its line"},
    {{}, " && ", "did you mean `and`?"},
    {{}, " || ", "did you mean `or`?"},
    {{}, " ! ", "did you mean `not`?"},
    {{}, " ' ", "texts stand between `\"`"},
};

std::string_view slip(std::string_view found, const std::vector<std::string_view>& wants) {
  const std::string word = " " + std::string(found) + " ";
  for (const Slip& slip : Slips) {
    const bool is_wanted = slip.wanted.empty() || std::ranges::find(wants, slip.wanted) != wants.end();
    if (is_wanted && (slip.found.empty() || slip.found.find(word) != std::string_view::npos)) return slip.hint;
  }
  return {};
}

/// The name around a `-` between letters, as in `a-b`; nothing if there is none.
std::string dashed_name(std::string_view text, std::uint32_t at) {
  const auto is_part = [&](std::uint32_t i) { return i < text.size() && (is_word(text[i]) || text[i] == '-'); };
  if (text[at] != '-' || at == 0 || !is_word(text[at - 1]) || at + 1 >= text.size() || !is_word(text[at + 1]))
    return {};
  std::uint32_t begin = at;
  std::uint32_t end = at;
  while (begin > 0 && is_part(begin - 1)) --begin;
  while (is_part(end)) ++end;
  return std::string(text.substr(begin, end - begin));
}

/// The line at `at`, as far as `at`, up to its first letter: how far it is indented.
std::string_view indentation(std::string_view text, std::uint32_t at) {
  const std::size_t newline = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
  return text.substr(line, std::min<std::size_t>(text.find_first_not_of(" \t", line), at) - line);
}

/// The body behind `open` reaches the end of the text: the first brace in it whose end is indented differently from its
/// beginning is the one that was forgotten to close; else `open` itself.
std::uint32_t forgotten(std::string_view text, std::uint32_t open) {
  std::vector<std::uint32_t> braces;
  for (std::uint32_t i = open; i < text.size();) {
    if (text[i] == '#') {
      i = static_cast<std::uint32_t>(std::min(text.find('\n', i), text.size()));
      continue;
    }
    if (text[i] == '{') braces.push_back(i);
    if (text[i] == '}' && !braces.empty()) {
      const std::string_view indent = indentation(text, i);
      const bool begins_line = indent.data() + indent.size() == text.data() + i;
      if (begins_line && indent != indentation(text, braces.back())) return braces.back();
      braces.pop_back();
    }
    i += text[i] == '"' ? static_cast<std::uint32_t>(token(text, i).size()) : 1;
  }
  return open;
}

}  // namespace

std::string Reading::hint(std::uint32_t begin, std::string_view found) const {
  const auto wanted = [&](std::string_view words) { return std::ranges::find(wants_, words) != wants_.end(); };
  const std::string_view first = token(text, begin);
  const bool is_second = skip_blanks(begin + static_cast<std::uint32_t>(first.size())) == farthest_;
  if (wanted(ArrowWanted) && is_second && (is_word(found[0]) || found[0] == '"')) {
    const std::string keyword = keyword_meant(first);
    if (!keyword.empty()) return "did you mean `" + keyword + "` instead of `" + std::string(first) + "`?";
  }
  if (const std::string name = dashed_name(text, farthest_); !name.empty())
    return "a `-` stands in quotes: `\"" + name + "\"`";
  const bool is_axis_wanted = std::ranges::any_of(wants_, [](auto words) { return words.starts_with("an axis"); });
  if (is_axis_wanted && found[0] >= '0' && found[0] <= '9') {
    return "a size is never written as a number: name it with `let`";
  }
  return std::string(slip(found, wants_));
}

SyntaxError Reading::error_at_farthest(std::uint32_t begin) const {
  SyntaxError error{farthest_, farthest_, joined(wants_), {}, Node::None, is_too_deep_};
  const std::string_view found = token(text, farthest_);
  if (is_too_deep_) {
    ++error.end;
    return error;
  }
  if (found.empty() || found == "\n") {
    error.begin = error.end = end_of_code(*this, farthest_);
    error.label = found.empty() ? "found the end of the file" : "found the end of the line";
    if (const std::string_view words = slip(found, wants_); !words.empty() && !found.empty())
      error.label += "; " + std::string(words);
  } else {
    error.end += static_cast<std::uint32_t>(found.size());
    error.label = "found `" + std::string(found) + "`";
    if (const std::string words = hint(begin, found); !words.empty()) error.label += "; " + words;
  }
  if (open_ == Node::None || is_in_line(text, open_, error.begin)) return error;
  const char closing = text[open_] == '(' ? ')' : text[open_] == '[' ? ']' : '}';
  if (error.expected.find({'`', closing, '`'}) == std::string::npos) return error;
  error.open = found.empty() && closing == '}' ? forgotten(text, open_) : open_;
  return error;
}

}  // namespace rulec::grammar
