// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <ranges>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "engine/check/coverage.h"
#include "engine/tensor/name_numbers.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Names that differ in one number only, `layers.*.w`.
struct Line {
  std::vector<std::int64_t> values;
  std::map<std::uint32_t, std::vector<std::int64_t>> by_family;
  std::map<std::uint32_t, const Piece*> pieces;  // one of each family
  bool is_conditional = false;
};

struct Gap {
  std::string names;
  const Piece* piece = nullptr;
  IntervalSet have;  // what the family prints
  IntervalSet missing;
};

IntervalSet set_of(const std::vector<std::int64_t>& values) {
  std::vector<IntervalSet::Interval> parts;
  for (const std::int64_t value : values) parts.push_back({value, value + 1});
  return IntervalSet::of(std::move(parts));
}

using Place = std::pair<std::size_t, std::size_t>;

/// Where the numbers of a name begin and end, those of fewer than ten digits.
void find_numbers(const std::string& name, std::vector<Place>& places) {
  places.clear();
  each_number(name, [&](std::size_t begin, std::size_t end) {
    if (end - begin < 10) places.emplace_back(begin, end);
  });
}

std::int64_t number_at(const std::string& name, const Place& place) {
  std::int64_t value = 0;
  std::from_chars(name.data() + place.first, name.data() + place.second, value);
  return value;
}

/// Names that differ in numbers only, `layers.*.experts.*.w`, and the box of those numbers.
struct Kind {
  std::vector<std::array<std::int64_t, 2>> ends;  // the least and the most of each number
  std::int64_t names = 0;
  bool is_odd = false;  // `07` and `7` are one number and two names

  /// Every number is there with every other, so that no line of them has a gap.
  bool is_full() const {
    std::int64_t most = 1;
    for (const auto& [least, last] : ends) {
      if (most > names) return false;
      most *= last - least + 1;
    }
    return !is_odd && most == names;
  }
};

/// The tensors of the kinds that are not full. Nearly all are, which takes a fraction of the time to see that their
/// lines take.
std::vector<std::size_t> with_gaps(const Pack& pack, SideId side, const WritingPieces& pieces) {
  std::unordered_map<std::string, std::size_t> kind_numbers;
  std::vector<Kind> kinds;
  std::vector<std::size_t> kind_of(pieces.size());
  std::vector<Place> places;
  std::string text;
  for (std::size_t t = 0; t < pieces.size(); ++t) {
    if (pieces[t].empty()) continue;
    const std::string& name = pack.tensors[number(side)][t].name;
    find_numbers(name, places);
    text.clear();
    std::size_t done = 0;
    for (const auto& [begin, end] : places) {
      text.append(name, done, begin - done).append(1, '\0');  // in no name that a rule prints
      done = end;
    }
    text.append(name, done);
    kind_of[t] = kind_numbers.try_emplace(text, kinds.size()).first->second;
    if (kind_of[t] == kinds.size()) kinds.emplace_back();
    Kind& kind = kinds[kind_of[t]];
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::int64_t value = number_at(name, places[i]);
      if (kind.names == 0) kind.ends.push_back({value, value});
      auto& [least, last] = kind.ends[i];
      least = std::min(least, value);
      last = std::max(last, value);
      kind.is_odd |= name[places[i].first] == '0' && places[i].second - places[i].first > 1;
    }
    ++kind.names;
  }
  std::vector<std::size_t> tensors;
  for (std::size_t t = 0; t < pieces.size(); ++t) {
    if (!pieces[t].empty() && !kinds[kind_of[t]].is_full()) tensors.push_back(t);
  }
  return tensors;
}

/// By their names with a star.
using Lines = std::unordered_map<std::string, Line>;

Lines lines_of(const Pack& pack, SideId side, const WritingPieces& pieces) {
  Lines lines;
  std::vector<Place> places;
  std::string names;
  for (const std::size_t t : with_gaps(pack, side, pieces)) {
    const std::string& name = pack.tensors[number(side)][t].name;
    find_numbers(name, places);
    for (const Place& place : places) {
      names.assign(name, 0, place.first);
      names += '*';
      names.append(name, place.second);
      Line& line = lines[names];
      const std::int64_t value = number_at(name, place);
      line.values.push_back(value);
      for (const Piece* piece : pieces[t]) {
        if (line.pieces.emplace(piece->family, piece).second)
          line.is_conditional |= pack.families[piece->family].is_conditional;
        std::vector<std::int64_t>& of_family = line.by_family[piece->family];
        if (of_family.empty() || of_family.back() != value) of_family.push_back(value);
      }
    }
  }
  return lines;
}

std::vector<Gap> gaps_of(const Lines& lines) {
  std::vector<Gap> gaps;
  for (const auto& [names, line] : lines) {
    if (line.is_conditional || line.values.size() < 2) continue;
    const IntervalSet all = set_of(line.values);
    for (const auto& [family, values] : line.by_family) {
      const IntervalSet have = set_of(values);
      IntervalSet missing = subtract(IntervalSet::range(have.first(), have.intervals().back().end), all);
      if (!missing.empty()) gaps.push_back({names, line.pieces.at(family), have, std::move(missing)});
    }
  }
  std::ranges::sort(gaps, {},
                    [](const Gap& gap) { return std::tuple(std::string_view(gap.names), gap.piece->family); });
  return gaps;
}

}  // namespace

void report_name_gaps(const Pack& pack, SideId side, const WritingPieces& pieces, const std::set<std::uint32_t>& met,
                      UsedPermissions& used, Diagnostics& diags) {
  std::set<std::uint32_t> reported;
  std::map<std::string, std::vector<Gap>> alike;  // rules of one loop miss the same
  for (Gap& gap : gaps_of(lines_of(pack, side, pieces))) {
    if (met.contains(gap.piece->family)) continue;
    const Family& family = pack.families[gap.piece->family];
    if (is_allowed(family, diag::IndexHole.id, diag::IndexHole.name, used)) continue;
    if (!reported.insert(gap.piece->family).second) continue;
    alike[set_text(gap.missing) + "/" + set_text(gap.have)].push_back(std::move(gap));
  }
  for (const std::vector<Gap>& gaps : alike | std::views::values) {
    const Gap& gap = gaps.front();
    const std::size_t star = gap.names.find('*');
    const std::string first =
        gap.names.substr(0, star) + std::to_string(gap.missing.first()) + gap.names.substr(star + 1);
    Finding finding = report(diags, path_of(pack, *gap.piece, side), diag::IndexHole, set_text(gap.missing), gap.names);
    finding.label(fmt::format("names {}", set_text(gap.have)))
        .note(fmt::format("{} missing, first `{}`", gap.missing.size(), first));
    if (gaps.size() > 1) finding.note(fmt::format("the same are missing of {} more kinds of tensors", gaps.size() - 1));
    finding.help("loop over what is missing too, as in `for i in 0..L/2, kind in {local, global}` with `<2i + kind>`");
    finding.help("or say that there are none: `allow index-hole \"why\"` behind the rule");
  }
}

}  // namespace rulec
