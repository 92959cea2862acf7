// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/option_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rulec {

std::string taken_by(const ast::Option& option) {
  switch (option.type) {
    case ast::Option::Type::Bool:
      return "`true` or `false`";
    case ast::Option::Type::Int:
      return "a whole number";
    case ast::Option::Type::Set:
      return fmt::format("one of `{}`", fmt::join(option.values, "`, `"));
  }
  return {};
}

bool takes(const ast::Option& option, const Value& value) {
  const auto* number = std::get_if<Rational>(&value);
  const auto* text = std::get_if<std::string>(&value);
  switch (option.type) {
    case ast::Option::Type::Bool:
      return std::holds_alternative<bool>(value);
    case ast::Option::Type::Int:
      return number != nullptr && number->is_whole();
    case ast::Option::Type::Set:
      return text != nullptr && std::ranges::find(option.values, *text) != option.values.end();
  }
  return false;
}

std::optional<Value> read_option(const ast::Option& option, std::string_view word) {
  Value value(std::string{word});
  if (option.type == ast::Option::Type::Bool && (word == "true" || word == "false")) value = Value(word == "true");
  if (option.type == ast::Option::Type::Int) {
    std::int64_t whole = 0;
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, whole);
    if (error == std::errc() && stop == end) value = Value(Rational{whole, 1});
  }
  return takes(option, value) ? std::optional(std::move(value)) : std::nullopt;
}

}  // namespace rulec
