// SPDX-License-Identifier: Apache-2.0
#include "engine/store/name_series.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace rulec {
namespace {

std::optional<std::uint32_t> whole(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// `0,2..4`: 0, 2, 3.
std::optional<std::vector<std::uint32_t>> numbers_in(std::string_view list) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    const std::string_view item = list.substr(begin, comma - begin);
    const std::size_t dots = item.find("..");
    const std::optional<std::uint32_t> from = whole(item.substr(0, dots));
    const std::optional<std::uint32_t> to = dots == std::string_view::npos ? from : whole(item.substr(dots + 2));
    if (!from || !to) return std::nullopt;
    const std::uint64_t end = std::uint64_t{*to} + (dots == std::string_view::npos ? 1 : 0);
    if (end <= *from || end - *from > MaxSeries - numbers.size()) return std::nullopt;
    for (std::uint64_t number = *from; number < end; ++number) numbers.push_back(static_cast<std::uint32_t>(number));
    begin = comma + 1;
  }
  return numbers;
}

}  // namespace

std::optional<std::vector<std::string>> names_of_series(std::string_view series) {
  std::vector<std::string> names{""};
  while (!series.empty()) {
    const std::size_t open = std::min(series.find('<'), series.size());
    const std::size_t close = series.find('>', open);
    if (close == std::string_view::npos) {
      for (std::string& name : names) name += series;
      break;
    }
    const std::string_view hole = series.substr(open + 1, close - open - 1);
    if (hole.find("..") == std::string_view::npos && hole.find(',') == std::string_view::npos) {
      for (std::string& name : names) name += series.substr(0, close + 1);
    } else {
      const auto numbers = numbers_in(hole);
      if (!numbers || numbers->size() > MaxSeries / names.size()) return std::nullopt;
      std::vector<std::string> longer;
      longer.reserve(names.size() * numbers->size());
      for (std::string& name : names) {
        name += series.substr(0, open);
        for (const std::uint32_t number : *numbers) longer.push_back(name + std::to_string(number));
      }
      names = std::move(longer);
    }
    series.remove_prefix(close + 1);
  }
  return names;
}

}  // namespace rulec
