// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/index/strided_cover.h"

namespace rulec {

/// A dimension whose numbers x are written by digits, x = sum(digit * unit), such that the sets of all boxes along it
/// are few boxes of digits. Without long sets it is one digit.
class Digits {
 public:
  /// `sets` are normalised and not empty. The dimension is cut as long as one of them has more than `few` intervals.
  Digits(std::int64_t extent, const std::vector<Progression>& sets, std::int64_t few);

  std::size_t count() const { return units_.size(); }
  bool is_cut() const { return units_.size() > 1; }

  /// Appends the extents of the digits, slowest first.
  void add_extents(std::vector<std::int64_t>& extents) const;

  /// The dimension ends at a multiple of its first unit, which may lie behind its last cell.
  std::int64_t padded() const;

  /// One of the sets, or any range, as boxes of digits that do not meet. Nothing if that takes too many intervals.
  std::optional<std::vector<SetBox>> boxes(const Progression& set) const;

  /// The number whose digits begin at `digits[first]`.
  std::int64_t number(const std::vector<std::int64_t>& digits, std::size_t first) const;

 private:
  void choose_units(std::vector<Progression> low, std::int64_t few);
  bool add_boxes(const Progression& set, std::size_t unit, SetBox box, std::vector<SetBox>& result) const;

  std::int64_t extent_;
  std::vector<std::int64_t> units_;  // descending, each a multiple of the next; 1 is the last
};

}  // namespace rulec
