// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace rulec {

/// Whole numbers as disjoint half-open intervals in ascending order, none empty, none touching the next.
class IntervalSet {
 public:
  struct Interval {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    bool operator==(const Interval&) const = default;
  };

  IntervalSet() = default;

  /// begin <= x < end.
  static IntervalSet range(std::int64_t begin, std::int64_t end);

  /// offset + sum(position * stride) over all positions 0 <= position < extent of each (extent, stride). Strides are not
  /// negative.
  static IntervalSet strided(std::int64_t offset, const std::vector<std::pair<std::int64_t, std::int64_t>>& extents_strides);

  const std::vector<Interval>& intervals() const { return intervals_; }
  bool empty() const { return intervals_.empty(); }
  std::int64_t size() const;
  std::int64_t first() const { return intervals_.front().begin; }

  friend IntervalSet unite(const IntervalSet& a, const IntervalSet& b);
  friend IntervalSet intersect(const IntervalSet& a, const IntervalSet& b);
  friend IntervalSet subtract(const IntervalSet& a, const IntervalSet& b);

  bool operator==(const IntervalSet&) const = default;

 private:
  std::vector<Interval> intervals_;
};

}  // namespace rulec
