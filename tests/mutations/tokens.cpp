// SPDX-License-Identifier: Apache-2.0
#include "tests/mutations/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace rulec::mutations {
namespace {

struct Token {
  std::size_t begin = 0;
  std::size_t end = 0;
};

constexpr std::array<std::string_view, 8> Operators{"->", "=>", "<=", ">=", "==", "!=", "//", ".."};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::size_t end_of_token(std::string_view text, std::size_t at) {
  if (text[at] == '"') {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    return end + 1;
  }
  if (is_word(text[at])) {
    while (at < text.size() && is_word(text[at])) ++at;
    return at;
  }
  const bool is_long = std::ranges::find(Operators, text.substr(at, 2)) != Operators.end();
  return at + (is_long ? 2 : 1);
}

std::vector<Token> tokens(std::string_view text) {
  std::vector<Token> found;
  for (std::size_t at = 0; at < text.size();) {
    if (std::isspace(static_cast<unsigned char>(text[at])) != 0) {
      ++at;
    } else if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      found.push_back({at, end_of_token(text, at)});
      at = found.back().end;
    }
  }
  return found;
}

/// The lines from `begin` to `end` as one, without comments and superfluous blanks.
std::string lines(std::string_view text, std::size_t begin, std::size_t end) {
  begin = begin == 0 ? 0 : text.rfind('\n', begin - 1) + 1;
  end = std::min(text.find('\n', end), text.size());
  std::string out;
  std::size_t last = begin;
  for (const Token& token : tokens(text.substr(begin, end - begin))) {
    const bool is_apart = begin + token.begin > last && !out.empty();
    out += (is_apart ? " " : "") + std::string(text.substr(begin + token.begin, token.end - token.begin));
    last = begin + token.end;
  }
  return out;
}

}  // namespace

std::vector<Mutation> mutations(std::string_view text) {
  const std::string_view rules = text.substr(0, text.find("\ntest "));
  const std::vector<Token> all = tokens(rules);
  std::vector<Mutation> result;
  const auto change = [&](Token at, const std::string& by) {
    std::string changed(text);
    changed.replace(at.begin, at.end - at.begin, by);
    const std::string before = lines(text, at.begin, at.end);
    const std::string after = lines(changed, at.begin, at.begin + by.size());
    if (before != after) result.push_back({fmt::format("{}  ==>  {}", before, after), std::move(changed)});
  };
  for (std::size_t t = 0; t < all.size(); ++t) {
    const std::string token(text.substr(all[t].begin, all[t].end - all[t].begin));
    change(all[t], "");
    if (token != "0") change(all[t], token + token);  // 00 is the same number
    change(all[t], token + " " + token);
    if (t + 1 == all.size()) break;
    const Token next = all[t + 1];
    const std::string between(text.substr(all[t].end, next.begin - all[t].end));
    change({all[t].begin, next.end}, std::string(text.substr(next.begin, next.end - next.begin)) + between + token);
  }
  return result;
}

}  // namespace rulec::mutations
