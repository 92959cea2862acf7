// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <ranges>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "engine/check/coverage.h"
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

std::size_t digits_end(const std::string& name, std::size_t at) {
  while (at < name.size() && name[at] >= '0' && name[at] <= '9') ++at;
  return at;
}

/// By their names with a star.
using Lines = std::unordered_map<std::string, Line>;

Lines lines_of(const Pack& pack, SideId side, const WritingPieces& pieces) {
  Lines lines;
  std::string names;
  for (std::size_t t = 0; t < pieces.size(); ++t) {
    if (pieces[t].empty()) continue;
    const std::string& name = pack.tensors[number(side)][t].name;
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t end = digits_end(name, at);
      if (end > at && end - at < 10) {
        names.assign(name, 0, at);
        names += '*';
        names.append(name, end);
        Line& line = lines[names];
        std::int64_t value = 0;
        std::from_chars(name.data() + at, name.data() + end, value);
        line.values.push_back(value);
        for (const Piece* piece : pieces[t]) {
          if (line.pieces.emplace(piece->family, piece).second)
            line.is_conditional |= pack.families[piece->family].is_conditional;
          std::vector<std::int64_t>& of_family = line.by_family[piece->family];
          if (of_family.empty() || of_family.back() != value) of_family.push_back(value);
        }
      }
      at = std::max(end, at + 1);
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
