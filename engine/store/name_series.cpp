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

/// What stands before a hole, and the numbers in it; no numbers behind the last hole.
struct Stretch {
  std::string_view text;
  std::vector<std::uint32_t> numbers;
};

/// Nothing if a hole is none.
std::optional<std::vector<Stretch>> stretches_of(std::string_view series) {
  std::vector<Stretch> stretches;
  std::size_t begin = 0;  // of the text that is not taken yet
  for (std::size_t open = series.find('<'); open != series.npos;) {
    const std::size_t close = series.find('>', open);
    if (close == series.npos) break;
    const std::string_view hole = series.substr(open + 1, close - open - 1);
    if (hole.find("..") != hole.npos || hole.find(',') != hole.npos) {
      auto numbers = numbers_in(hole);
      if (!numbers) return std::nullopt;
      stretches.push_back({series.substr(begin, open - begin), *std::move(numbers)});
      begin = close + 1;
    }
    open = series.find('<', close + 1);
  }
  stretches.push_back({series.substr(begin), {}});
  return stretches;
}

std::optional<std::size_t> size_of(const std::vector<Stretch>& stretches) {
  std::size_t size = 1;
  for (const Stretch& stretch : stretches) {
    const std::size_t count = std::max<std::size_t>(stretch.numbers.size(), 1);
    if (count > MaxSeries / size) return std::nullopt;
    size *= count;
  }
  return size;
}

}  // namespace

std::optional<std::size_t> size_of_series(std::string_view series) {
  const auto stretches = stretches_of(series);
  return stretches ? size_of(*stretches) : std::nullopt;
}

std::optional<std::vector<std::string>> names_of_series(std::string_view series) {
  const auto stretches = stretches_of(series);
  if (!stretches || !size_of(*stretches)) return std::nullopt;
  std::vector<std::string> names{""};
  for (const auto& [text, numbers] : *stretches) {
    for (std::string& name : names) name += text;
    if (numbers.empty()) break;  // the last
    std::vector<std::string> longer;
    longer.reserve(names.size() * numbers.size());
    for (const std::string& name : names) {
      for (const std::uint32_t number : numbers) longer.push_back(name + std::to_string(number));
    }
    names = std::move(longer);
  }
  return names;
}

}  // namespace rulec
