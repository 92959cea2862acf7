// SPDX-License-Identifier: Apache-2.0
#include "grammar/similar.h"

#include <algorithm>
#include <utility>

namespace rulec {
namespace {

constexpr std::size_t MaxNames = 4;
constexpr std::size_t MaxLength = 256;  // longer names are not compared: the work is quadratic

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
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

std::vector<std::string> similar(std::string_view word, std::span<const std::string> names) {
  std::vector<std::pair<std::size_t, std::string>> close;
  for (const std::string& name : names) {
    const std::size_t longer = std::max(word.size(), name.size());
    const std::size_t most = std::max<std::size_t>(1, longer / 3);
    if (longer > MaxLength || longer - std::min(word.size(), name.size()) > most) continue;
    const std::size_t distance = edit_distance(word, name);
    if (distance <= most) close.emplace_back(distance, name);
  }
  std::ranges::sort(close);
  const auto same = std::ranges::unique(close);
  close.erase(same.begin(), same.end());
  std::vector<std::string> out;
  for (auto& [distance, name] : close) {
    if (out.size() < MaxNames) out.push_back(std::move(name));
  }
  return out;
}

}  // namespace rulec
