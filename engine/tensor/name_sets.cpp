// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/name_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <ranges>

#include "engine/tensor/name_numbers.h"

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

/// A star of a glob that a name has reached.
struct Star {
  enum Kind : std::uint8_t { None, Part, Anything, Segments };  // `*`, `**`, and `**.`, which is whole segments

  Kind kind{};
  std::size_t rest = 0;   ///< where the glob goes on behind it
  std::size_t taken = 0;  ///< where the name goes on behind what it took

  bool take_more(std::string_view name) {
    if (kind == None || taken >= name.size() || (kind == Part && name[taken] == '.')) return false;
    if (kind == Segments) taken = name.find('.', taken);
    if (taken == std::string_view::npos) return false;
    ++taken;
    return true;
  }
};

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
      if (end > at && end - at < 10 && starts_number(name, at)) {
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
  // Every star takes as little as it can, and more when what follows does not match. Only the last of each kind is
  // asked: what an earlier one could take, it can.
  Star within;
  Star across;
  std::size_t g = 0;
  std::size_t n = 0;
  while (g < glob.size() || n < name.size()) {
    if (glob.substr(g).starts_with("**")) {
      const bool at_segment = n == 0 || name[n - 1] == '.';
      const bool is_segment = at_segment && glob.substr(g).starts_with("**.");
      g += is_segment ? 3 : 2;
      across = Star{is_segment ? Star::Segments : Star::Anything, g, n};
      within = {};
    } else if (g < glob.size() && glob[g] == '*') {
      within = Star{Star::Part, ++g, n};
    } else if (g < glob.size() && n < name.size() && glob[g] == name[n]) {
      ++g;
      ++n;
    } else {
      const bool has_more = within.take_more(name);
      if (!has_more && !across.take_more(name)) return false;
      if (!has_more) within = {};
      const Star& star = has_more ? within : across;
      g = star.rest;
      n = star.taken;
    }
  }
  return true;
}

bool is_wanted(std::string_view name, const std::vector<std::string>& globs) {
  return globs.empty() || std::ranges::any_of(globs, [&](const std::string& glob) { return glob_matches(glob, name); });
}

}  // namespace rulec
