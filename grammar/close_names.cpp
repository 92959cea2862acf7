// SPDX-License-Identifier: Apache-2.0
#include "grammar/close_names.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace rulec {
namespace {

constexpr std::size_t LongestName =
    256;  // nobody types a longer one, and the distance costs the product of both lengths

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
  return result;
}

/// The distance if it is one of a slip: as rustc cuts off its suggestions.
std::optional<std::size_t> slip(std::string_view name, std::string_view candidate) {
  const std::size_t furthest = std::max<std::size_t>(name.size(), 3) / 3;
  if (std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size()) > furthest) return std::nullopt;
  const std::size_t edits = edit_distance(name, candidate);
  return edits <= furthest ? std::optional(edits) : std::nullopt;
}

std::vector<std::string_view> sorted_words(std::string_view name) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('_', begin), name.size());
    words.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  std::ranges::sort(words);
  return words;
}

bool is_dotted(std::string_view name) {
  return name.find('.') != std::string_view::npos;
}
std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

/// Both in lower case.
std::optional<std::size_t> closeness(std::string_view name, std::string_view candidate) {
  std::optional<std::size_t> best = slip(name, candidate);
  if (is_dotted(name) != is_dotted(candidate)) {
    const std::optional<std::size_t> last = slip(last_part(name), last_part(candidate));
    if (last && (!best || *last < *best)) best = last;
  }
  // Words in another order are one slip, however far they moved.
  if ((!best || *best > 1) && name.size() == candidate.size() && sorted_words(name) == sorted_words(candidate))
    best = 1;
  return best;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool is_same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (is_same ? 0 : 1)});
      const bool is_swap = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (is_swap) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::vector<std::string> close_names(std::string_view name, std::span<const std::string> candidates, std::size_t most) {
  if (name.empty() || name.size() > LongestName) return {};
  const std::string wanted = lower(name);
  std::vector<std::pair<std::size_t, std::string_view>> close;
  for (const std::string& candidate : candidates) {
    if (candidate == name || candidate.size() > 2 * LongestName) continue;
    if (const auto edits = closeness(wanted, lower(candidate))) close.emplace_back(*edits, candidate);
  }
  std::ranges::sort(close);
  close.erase(std::ranges::unique(close).begin(), close.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(most, close.size()); ++i) names.emplace_back(close[i].second);
  return names;
}

}  // namespace rulec
