// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

  /// How many intervals `strided` makes at most.
  static constexpr std::size_t MaxIntervals = std::size_t{1} << 20;

  IntervalSet() = default;

  /// begin <= x < end.
  static IntervalSet range(std::int64_t begin, std::int64_t end);

  /// All numbers of `parts`, which may be empty, overlap, and stand in any order.
  static IntervalSet of(std::vector<Interval> parts);

  /// offset + sum(position * stride) over all positions 0 <= position < extent of each (extent, stride). Strides are
  /// not negative. Nothing if that takes more than `MaxIntervals` intervals or leaves 63 bits: extents come from
  /// configs.
  static std::optional<IntervalSet> strided(std::int64_t offset,
                                            std::vector<std::pair<std::int64_t, std::int64_t>> extents_strides);

  const std::vector<Interval>& intervals() const { return intervals_; }
  bool empty() const { return intervals_.empty(); }
  std::int64_t size() const;
  bool contains(std::int64_t x) const;

  /// The smallest number. The set is not empty.
  std::int64_t first() const { return intervals_.front().begin; }

  friend IntervalSet unite(const IntervalSet& a, const IntervalSet& b);
  friend IntervalSet intersect(const IntervalSet& a, const IntervalSet& b);
  friend IntervalSet subtract(const IntervalSet& a, const IntervalSet& b);

  /// The smallest number in both, without making the intersection.
  friend std::optional<std::int64_t> first_common(const IntervalSet& a, const IntervalSet& b);

  bool operator==(const IntervalSet&) const = default;

 private:
  std::vector<Interval> intervals_;
};

}  // namespace rulec
