// SPDX-License-Identifier: Apache-2.0
#include "engine/index/interval_set.h"

#include <algorithm>
#include <span>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

using Interval = IntervalSet::Interval;

/// The numbers position * stride + x for x in `inner`: copies of it, or one run if the copies touch.
std::optional<std::vector<Interval>> repeated(std::span<const Interval> inner, std::int64_t extent,
                                              std::int64_t stride) {
  std::int64_t reach = 0;  // how far the last copy is moved
  std::int64_t end = 0;
  if (__builtin_mul_overflow(extent - 1, stride, &reach)) return std::nullopt;
  if (__builtin_add_overflow(inner.back().end, reach, &end)) return std::nullopt;
  if (inner.size() == 1 && inner[0].end - inner[0].begin >= stride) return std::vector<Interval>{{inner[0].begin, end}};
  if (static_cast<std::uint64_t>(extent) > IntervalSet::MaxIntervals / inner.size()) return std::nullopt;
  std::vector<Interval> copies;
  copies.reserve(inner.size() * static_cast<std::size_t>(extent));
  for (std::int64_t position = 0; position < extent; ++position) {
    for (const Interval& part : inner) copies.push_back({part.begin + position * stride, part.end + position * stride});
  }
  return copies;
}

}  // namespace

IntervalSet IntervalSet::range(std::int64_t begin, std::int64_t end) {
  return of({{begin, end}});
}

IntervalSet IntervalSet::of(std::vector<Interval> parts) {
  std::erase_if(parts, [](const Interval& part) { return part.begin >= part.end; });
  std::ranges::sort(parts, {}, &Interval::begin);
  IntervalSet set;
  for (const Interval& part : parts) {
    if (!set.empty() && part.begin <= set.intervals_.back().end) {
      set.intervals_.back().end = std::max(set.intervals_.back().end, part.end);
    } else {
      set.intervals_.push_back(part);
    }
  }
  return set;
}

std::optional<IntervalSet> IntervalSet::strided(std::int64_t offset,
                                                std::vector<std::pair<std::int64_t, std::int64_t>> extents_strides) {
  std::int64_t end = 0;
  if (__builtin_add_overflow(offset, 1, &end)) return std::nullopt;
  // Small strides first, so that copies that touch become one interval before they are copied again.
  std::ranges::sort(extents_strides, {}, [](const auto& axis) { return axis.second; });
  if (std::ranges::any_of(extents_strides, [](const auto& axis) { return axis.first <= 0; })) return IntervalSet();
  IntervalSet set = range(offset, end);
  for (const auto& [extent, stride] : extents_strides) {
    RULEC_ASSERT(stride >= 0);
    if (stride == 0 || extent == 1) continue;
    std::optional<std::vector<Interval>> parts = repeated(set.intervals_, extent, stride);
    if (!parts) return std::nullopt;
    set = of(*std::move(parts));
  }
  return set;
}

std::int64_t IntervalSet::size() const {
  std::int64_t count = 0;
  for (const Interval& interval : intervals_) count += interval.end - interval.begin;
  return count;
}

bool IntervalSet::contains(std::int64_t x) const {
  const auto after = std::ranges::upper_bound(intervals_, x, {}, &Interval::begin);
  return after != intervals_.begin() && x < std::prev(after)->end;
}

IntervalSet unite(const IntervalSet& a, const IntervalSet& b) {
  std::vector<Interval> parts = a.intervals_;
  parts.insert(parts.end(), b.intervals_.begin(), b.intervals_.end());
  return IntervalSet::of(std::move(parts));
}

IntervalSet intersect(const IntervalSet& a, const IntervalSet& b) {
  IntervalSet common;
  for (auto x = a.intervals_.begin(), y = b.intervals_.begin(); x != a.intervals_.end() && y != b.intervals_.end();) {
    const Interval both{std::max(x->begin, y->begin), std::min(x->end, y->end)};
    if (both.begin < both.end) common.intervals_.push_back(both);
    x->end < y->end ? ++x : ++y;
  }
  return common;
}

IntervalSet subtract(const IntervalSet& a, const IntervalSet& b) {
  IntervalSet rest;
  auto hole = b.intervals_.begin();
  for (Interval part : a.intervals_) {
    while (hole != b.intervals_.end() && hole->end <= part.begin) ++hole;
    // A hole may reach into the next part, so it is looked at again there.
    for (auto h = hole; h != b.intervals_.end() && h->begin < part.end; ++h) {
      if (part.begin < h->begin) rest.intervals_.push_back({part.begin, h->begin});
      part.begin = h->end;
    }
    if (part.begin < part.end) rest.intervals_.push_back(part);
  }
  return rest;
}

std::optional<std::int64_t> first_common(const IntervalSet& a, const IntervalSet& b) {
  for (auto x = a.intervals_.begin(), y = b.intervals_.begin(); x != a.intervals_.end() && y != b.intervals_.end();) {
    const std::int64_t begin = std::max(x->begin, y->begin);
    if (begin < std::min(x->end, y->end)) return begin;
    x->end < y->end ? ++x : ++y;
  }
  return std::nullopt;
}

}  // namespace rulec
