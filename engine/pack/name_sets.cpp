// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/name_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <ranges>

namespace rulec {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `0..25`, or `1, 3, 5`: a set of numbers in braces.
std::string braces(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.size() == 1) return std::to_string(values.front());
  if (values.back() - values.front() + 1 == static_cast<std::int64_t>(values.size())) {
    return fmt::format("{{{}..{}}}", values.front(), values.back());
  }
  const bool many = values.size() > 6;
  if (many) values.resize(6);
  return fmt::format("{{{}{}}}", fmt::join(values, ", "), many ? ", ..." : "");
}

}  // namespace

std::vector<NameGroup> group_names(const std::vector<std::string>& names) {
  struct Group {
    std::vector<std::string> texts;                  // between the numbers
    std::vector<std::vector<std::int64_t>> numbers;  // by place
    std::size_t count = 0;
    std::size_t first = 0;
  };
  std::map<std::string, Group> groups;
  for (std::size_t n = 0; n < names.size(); ++n) {
    std::vector<std::string> texts(1);
    std::vector<std::int64_t> numbers;
    const std::string& name = names[n];
    for (std::size_t at = 0; at < name.size();) {
      std::size_t end = at;
      while (end < name.size() && is_digit(name[end])) ++end;
      // A number stands for itself only where a segment or `_` begins: `wi_0`, `layers.3`, but not `bf16`.
      const bool starts = at == 0 || name[at - 1] == '.' || name[at - 1] == '_';
      if (end > at && end - at < 10 && starts) {
        numbers.push_back(std::stoll(name.substr(at, end - at)));
        texts.emplace_back();
        at = end;
      } else {
        texts.back() += name[at++];
      }
    }
    Group& group = groups[fmt::format("{}", fmt::join(texts, "*"))];
    if (group.count++ == 0) {
      group.texts = texts;
      group.numbers.resize(numbers.size());
      group.first = n;
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) group.numbers[i].push_back(numbers[i]);
  }
  std::vector<NameGroup> result;
  for (Group& group : groups | std::views::values) {
    std::string text = group.texts.front();
    for (std::size_t i = 0; i < group.numbers.size(); ++i)
      text += braces(std::move(group.numbers[i])) + group.texts[i + 1];
    result.push_back({std::move(text), group.count, group.first});
  }
  return result;
}

bool glob_matches(std::string_view glob, std::string_view name) {
  // Backtracks to the last star only, as no earlier one can do better: linear in practice, never exponential.
  std::size_t g = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  bool across = false;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      across = g + 1 < glob.size() && glob[g + 1] == '*';
      star = g;
      g += across ? 2 : 1;
      if (across && g < glob.size() && glob[g] == '.' && (star == 0 || glob[star - 1] == '.')) {
        // `**.x` matches `x` too: any number of segments, none among them.
        if (glob_matches(glob.substr(g + 1), name.substr(n))) return true;
      }
      mark = n;
    } else if (g < glob.size() && glob[g] == name[n]) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos && (across || name[mark] != '.')) {
      g = star + (across ? 2 : 1);
      n = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace rulec
