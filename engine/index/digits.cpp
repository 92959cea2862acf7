// SPDX-License-Identifier: Apache-2.0
// What steps by a unit is an interval of its digit. A run that begins or ends between two multiples of a unit becomes
// up to three boxes: a head, a body and a tail.
#include "engine/index/digits.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>
#include <utility>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

using Axis = Progression::Axis;

/// How many units a dimension is cut by, and how many are tried: rules fuse a handful of axes.
constexpr std::size_t MostUnits = 8;
constexpr std::size_t MostTries = 64;
/// x // unit and x % unit of some numbers x, which are all pairs of the two.
struct Split {
  Progression high;
  Progression low;
};

/// The numbers of `whole`, normalised and not empty, by pairs. Nothing if they are no few products.
std::optional<std::vector<Split>> split(const Progression& whole, std::int64_t unit) {
  Split one{{whole.offset / unit, {}}, {whole.offset % unit, {}}};
  std::int64_t reach = one.low.offset;
  for (const auto& [extent, stride] : whole.axes) {
    if (stride >= unit && stride % unit != 0) return std::nullopt;
    if (stride >= unit) {
      one.high.axes.push_back({extent, stride / unit});
    } else {
      one.low.axes.push_back({extent, stride});
      reach += (extent - 1) * stride;
    }
  }
  if (reach < unit) return std::vector{std::move(one)};

  // The steepest axis below crosses multiples of the unit; the flatter ones must stay between two of its steps.
  const Axis steep = one.low.axes.front();
  const std::int64_t first = one.low.offset / steep.stride;
  one.low.offset %= steep.stride;
  one.low.axes.erase(one.low.axes.begin());
  std::int64_t flatter = one.low.offset;
  for (const auto& [extent, stride] : one.low.axes) flatter += (extent - 1) * stride;
  if (unit % steep.stride != 0 || flatter >= steep.stride) return std::nullopt;
  const std::int64_t row = unit / steep.stride;  // steps from one multiple of the unit to the next
  std::vector<Split> parts;
  const auto add = [&](std::int64_t rows_from, std::int64_t rows, std::int64_t from, std::int64_t steps) {
    if (rows <= 0 || steps <= 0) return;
    Split part = one;
    part.high.offset += rows_from;
    if (rows > 1) part.high.axes.push_back({rows, 1});
    part.low.offset += from * steep.stride;
    if (steps > 1) part.low.axes.push_back({steps, steep.stride});
    part.high = normalised(std::move(part.high));
    part.low = normalised(std::move(part.low));
    parts.push_back(std::move(part));
  };
  const std::int64_t end = first + steep.extent;
  const std::int64_t head = first == 0 ? 0 : 1;  // rows that begin in their middle
  if (head == 1) add(0, 1, first, std::min(end, row) - first);
  add(head, end / row - head, 0, row);
  if (end / row >= head) add(end / row, 1, 0, end % row);
  return parts;
}

}  // namespace

Digits::Digits(std::int64_t extent, const std::vector<Progression>& sets, std::int64_t few) : extent_(extent) {
  choose_units(sets, few);
}

void Digits::choose_units(std::vector<Progression> low, std::int64_t few) {
  const auto too_many = [few](const Progression& set) { return set.runs() > few; };
  std::set<std::int64_t, std::greater<>> strides;
  for (const Progression& set : low) {
    for (const Axis& axis : set.axes) strides.insert(axis.stride);
  }
  std::size_t tries = 0;
  for (const std::int64_t unit : strides) {
    if (std::ranges::none_of(low, too_many)) break;
    if (unit <= 1 || tries++ == MostTries || units_.size() == MostUnits) break;
    if (!units_.empty() && units_.back() % unit != 0) continue;
    if (extent_ > std::numeric_limits<std::int64_t>::max() - unit) continue;
    std::vector<Progression> lower;
    const bool fits = std::ranges::all_of(low, [&](const Progression& set) {
      std::optional<std::vector<Split>> parts = split(set, unit);
      if (!parts) return false;
      for (Split& part : *parts) lower.push_back(std::move(part.low));
      return true;
    });
    if (!fits) continue;
    units_.push_back(unit);
    std::ranges::sort(lower);
    lower.erase(std::ranges::unique(lower).begin(), lower.end());
    low = std::move(lower);
  }
  units_.push_back(1);
}

void Digits::add_extents(std::vector<std::int64_t>& extents) const {
  for (std::size_t u = 0; u < units_.size(); ++u)
    extents.push_back(u == 0 ? padded() / units_[0] : units_[u - 1] / units_[u]);
}

std::int64_t Digits::padded() const {
  return (extent_ + units_[0] - 1) / units_[0] * units_[0];
}

std::optional<std::vector<SetBox>> Digits::boxes(const Progression& set) const {
  std::vector<SetBox> result;
  if (!add_boxes(set, 0, {}, result)) return std::nullopt;
  return result;
}

bool Digits::add_boxes(const Progression& set, std::size_t unit, SetBox box, std::vector<SetBox>& result) const {
  const auto add_digit = [&box](const Progression& digit) {
    std::vector<std::pair<std::int64_t, std::int64_t>> axes;
    for (const auto& [extent, stride] : digit.axes) axes.emplace_back(extent, stride);
    std::optional<IntervalSet> values = IntervalSet::strided(digit.offset, std::move(axes));
    if (!values) return false;
    box.push_back(*std::move(values));
    return true;
  };
  if (unit + 1 == units_.size()) {
    if (!add_digit(set)) return false;
    result.push_back(std::move(box));
    return true;
  }
  const std::optional<std::vector<Split>> parts = split(set, units_[unit]);
  RULEC_ASSERT(parts);  // the unit was chosen so
  for (const Split& part : *parts) {
    const std::size_t size = box.size();
    if (!add_digit(part.high) || !add_boxes(part.low, unit + 1, box, result)) return false;
    box.resize(size);
  }
  return true;
}

std::int64_t Digits::number(const std::vector<std::int64_t>& digits, std::size_t first) const {
  std::int64_t x = 0;
  for (std::size_t u = 0; u < units_.size(); ++u) x += digits[first + u] * units_[u];
  return x;
}

}  // namespace rulec
