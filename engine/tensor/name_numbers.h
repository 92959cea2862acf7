// SPDX-License-Identifier: Apache-2.0
// Names of tensors that differ in numbers only, as those of layers and experts do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rulec {

/// Calls `visit(begin, end)` for every run of digits.
template <class Visit>
void each_number(std::string_view name, const Visit& visit) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (!is_digit(name[at])) continue;
    const std::size_t begin = at;
    while (at < name.size() && is_digit(name[at])) ++at;
    visit(begin, at);
  }
}

/// Whether a number that begins there counts something: `layers.3`, `layers_3`, but not `bf16`.
inline bool starts_number(std::string_view name, std::size_t at) {
  return at == 0 || name[at - 1] == '.' || name[at - 1] == '_';
}

/// The name with `mark` for each number that is meant: for which `is_meant(where it begins)` holds.
template <class IsMeant>
std::string with_numbers_as(char mark, std::string_view name, const IsMeant& is_meant) {
  std::string text;
  std::size_t done = 0;
  each_number(name, [&](std::size_t begin, std::size_t end) {
    if (!is_meant(begin)) return;
    text.append(name.substr(done, begin - done)).append(1, mark);
    done = end;
  });
  return text.append(name.substr(done));
}

/// `layers.12.mlp.experts.3.wo` to `layers.#.mlp.experts.#.wo`.
inline std::string without_numbers(std::string_view name) {
  return with_numbers_as('#', name, [](std::size_t) { return true; });
}

}  // namespace rulec
