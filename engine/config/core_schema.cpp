// SPDX-License-Identifier: Apache-2.0
#include "engine/config/core_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

namespace rulec {
namespace {

using Node = decltype(ConfigValue::node);

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

std::string_view without_sign(std::string_view text) {
  return text.starts_with('+') || text.starts_with('-') ? text.substr(1) : text;
}

std::size_t count_digits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

/// [0-9]+, or digits with a point on either side or between them; then perhaps an exponent.
bool is_real(std::string_view text) {
  const std::size_t whole = count_digits(text);
  text.remove_prefix(whole);
  std::size_t digits = whole;
  if (text.starts_with('.')) {
    const std::size_t fraction = count_digits(text.substr(1));
    text.remove_prefix(1 + fraction);
    digits += fraction;
  }
  if (digits == 0) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text = without_sign(text.substr(1));
  return !text.empty() && count_digits(text) == text.size();
}

/// [1-9][0-9_]*[0-9]
bool is_grouped(std::string_view text) {
  return text.front() >= '1' && text.front() <= '9' && text.back() != '_' &&
         text.find_first_not_of("0123456789_") == text.npos;
}

std::optional<Node> based(std::string_view digits, int base) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<Node> real(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc()) return number;
  // Out of range: too small is zero, too large is refused.
  const bool is_small = text.find("e-") != text.npos || text.find("E-") != text.npos;
  return is_small ? std::optional<Node>(text.starts_with('-') ? -0.0 : 0.0) : std::nullopt;
}

}  // namespace

std::optional<Node> resolve_plain(std::string_view text) {
  if (text.empty() || is_any_of(text, {"~", "null", "Null", "NULL"})) return std::monostate{};
  if (is_any_of(text, {"true", "True", "TRUE"})) return true;
  if (is_any_of(text, {"false", "False", "FALSE"})) return false;
  if (is_any_of(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  const std::string_view bare = without_sign(text);
  if (is_any_of(bare, {".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return text.starts_with('-') ? -infinity : infinity;
  }
  const std::string_view digits = text.substr(std::min<std::size_t>(2, text.size()));
  if (text.starts_with("0o") && !digits.empty() && digits.find_first_not_of("01234567") == digits.npos) {
    return based(digits, 8);
  }
  if (text.starts_with("0x") && !digits.empty() && digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos) {
    return based(digits, 16);
  }
  if (bare.find('_') != bare.npos && is_grouped(bare)) {
    std::string plain(text.starts_with('+') ? bare : text);
    std::erase(plain, '_');
    if (std::optional<Node> whole = based(plain, 10)) return whole;
  }
  if (!is_real(bare)) return std::string(text);
  const std::string_view number = text.starts_with('+') ? bare : text;
  if (count_digits(bare) == bare.size()) {
    if (std::optional<Node> whole = based(number, 10)) return whole;
  }
  return real(number);
}

}  // namespace rulec
