// SPDX-License-Identifier: Apache-2.0
// A number x of a dimension is written by digits: x = sum(digit * unit), units u1 > u2 > ... > 1, each a multiple of
// the next. What steps by u1 is an interval of the first digit. An interval of x that begins or ends between two
// multiples of a unit becomes up to three boxes: a head, a body and a tail.
#include "engine/index/strided_cover.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <rulec/tensor.h>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

using Axis = Progression::Axis;
using Cell = std::vector<std::int64_t>;

/// How many units a dimension is cut by, and how many are tried: rules fuse a handful of axes.
constexpr std::size_t MostUnits = 8;
constexpr std::size_t MostTries = 64;
/// How far a hole is looked along in a dimension that was cut.
constexpr std::int64_t Window = 4096;

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

/// One dimension and the sets of all boxes along it. Equal sets are one class.
class Dimension {
 public:
  Dimension(std::int64_t extent, const std::vector<Progression>& sets, std::int64_t few) : extent_(extent) {
    choose_units(sets, few);
  }

  bool is_cut() const { return units_.size() > 1; }

  /// The extents of the digits, slowest first.
  void add_extents(std::vector<std::int64_t>& extents) const {
    for (std::size_t u = 0; u < units_.size(); ++u)
      extents.push_back(u == 0 ? padded() / units_[0] : units_[u - 1] / units_[u]);
  }

  /// The dimension ends at a multiple of its first unit, which may lie behind its last cell.
  std::int64_t padded() const { return (extent_ + units_[0] - 1) / units_[0] * units_[0]; }

  std::int64_t extent() const { return extent_; }

  /// A set as boxes of digits. Nothing if that takes too many intervals.
  std::optional<std::vector<Box>> boxes(const Progression& set) const {
    std::vector<Box> result;
    if (!add_boxes(set, 0, {}, result)) return std::nullopt;
    return result;
  }

  /// From digits, which begin at `digit`, to a number.
  std::int64_t number(const Cell& digits, std::size_t digit) const {
    std::int64_t x = 0;
    for (std::size_t u = 0; u < units_.size(); ++u) x += digits[digit + u] * units_[u];
    return x;
  }

  std::size_t digits() const { return units_.size(); }

 private:
  void choose_units(std::vector<Progression> low, std::int64_t few) {
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

  bool add_boxes(const Progression& set, std::size_t unit, Box box, std::vector<Box>& result) const {
    const auto add_digit = [&box](const Progression& digit) {
      std::vector<std::pair<std::int64_t, std::int64_t>> axes;
      for (const auto& [extent, stride] : digit.axes) axes.emplace_back(extent, stride);
      std::optional<IntervalSet> values = IntervalSet::strided(digit.offset, std::move(axes));
      if (values) box.push_back(*std::move(values));
      return values.has_value();
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

  std::int64_t extent_;
  std::vector<std::int64_t> units_;  // descending; 1 is the last
};

/// Every box by its digits.
class Cutting {
 public:
  Cutting(const std::vector<std::int64_t>& shape, std::span<const StridedBox> boxes, std::int64_t few) : shape_(shape) {
    for (const StridedBox& box : boxes) {
      StridedBox& one = boxes_.emplace_back();
      for (const Progression& set : box) one.push_back(normalised(set));
    }
    for (std::size_t d = 0; d < shape.size(); ++d) {
      std::set<Progression> sets;
      for (const StridedBox& box : boxes_) {
        if (!is_empty(box)) sets.insert(box[d]);
      }
      dimensions_.emplace_back(shape[d], std::vector<Progression>(sets.begin(), sets.end()), few);
      known_.emplace_back();
    }
  }

  std::optional<Cover> judge() {
    std::vector<std::int64_t> extents;
    for (const Dimension& dimension : dimensions_) dimension.add_extents(extents);
    if (!cells(extents)) return std::nullopt;
    for (std::size_t number = 0; number < boxes_.size(); ++number) {
      if (!is_empty(boxes_[number]) && !add(boxes_[number], number)) return std::nullopt;
    }
    if (!add_rest()) return std::nullopt;
    Cover cover = judge_cover(extents, digit_boxes_);
    if (cover.overlap) {
      cover.overlap->first = numbers_[cover.overlap->first];
      cover.overlap->second = numbers_[cover.overlap->second];
      cover.overlap->cell = cell_of(cover.overlap->cell);
    }
    if (cover.hole) restore(*cover.hole);
    return cover;
  }

 private:
  static bool is_empty(const StridedBox& box) { return std::ranges::any_of(box, &Progression::empty); }

  /// Products of what each dimension makes of its set.
  bool add(const StridedBox& box, std::size_t number) {
    std::vector<Box> products{{}};
    for (std::size_t d = 0; d < box.size(); ++d) {
      const auto [known, is_new] = known_[d].try_emplace(box[d]);
      if (is_new) {
        std::optional<std::vector<Box>> made = dimensions_[d].boxes(box[d]);
        if (!made) return false;
        known->second = *std::move(made);
      }
      std::vector<Box> longer;
      for (const Box& product : products) {
        for (const Box& digits : known->second) {
          longer.push_back(product);
          longer.back().insert(longer.back().end(), digits.begin(), digits.end());
        }
      }
      products = std::move(longer);
    }
    for (Box& product : products) {
      digit_boxes_.push_back(std::move(product));
      numbers_.push_back(number);
    }
    return true;
  }

  /// Cells that only the padded dimensions have are no holes: those of each dimension over the cells that the ones
  /// before it really have.
  bool add_rest() {
    StridedBox box;
    for (const Dimension& dimension : dimensions_) box.push_back(normalised({0, {{dimension.padded(), 1}}}));
    for (std::size_t d = 0; d < dimensions_.size(); ++d) {
      const std::int64_t extent = shape_[d];
      const std::int64_t behind = dimensions_[d].padded() - extent;
      box[d] = normalised({extent, {{behind, 1}}});
      if (behind > 0 && !add(box, boxes_.size())) return false;
      box[d] = normalised({0, {{extent, 1}}});
    }
    return true;
  }

  Cell cell_of(const Cell& digits) const {
    Cell cell;
    std::size_t digit = 0;
    for (const Dimension& dimension : dimensions_) {
      cell.push_back(dimension.number(digits, digit));
      digit += dimension.digits();
    }
    return cell;
  }

  void restore(Hole& hole) const {
    hole.cell = cell_of(hole.cell);
    Box along;
    std::size_t digit = 0;
    for (std::size_t d = 0; d < dimensions_.size(); ++d) {
      along.push_back(dimensions_[d].is_cut() ? missing_along(d, hole.cell) : std::move(hole.along[digit]));
      digit += dimensions_[d].digits();
    }
    hole.along = std::move(along);
  }

  IntervalSet missing_along(std::size_t d, const Cell& cell) const {
    std::vector<const Progression*> line;
    for (const StridedBox& box : boxes_) {
      bool meets = !is_empty(box);
      for (std::size_t other = 0; meets && other < cell.size(); ++other)
        meets = other == d || box[other].contains(cell[other]);
      if (meets) line.push_back(&box[d]);
    }
    if (line.empty()) return IntervalSet::range(0, shape_[d]);
    std::vector<IntervalSet::Interval> missing;
    for (std::int64_t x = cell[d]; x < std::min(shape_[d], cell[d] + Window); ++x) {
      if (std::ranges::none_of(line, [&](const Progression* set) { return set->contains(x); }))
        missing.push_back({x, x + 1});
    }
    return IntervalSet::of(std::move(missing));
  }

  const std::vector<std::int64_t>& shape_;
  std::vector<StridedBox> boxes_;
  std::vector<Dimension> dimensions_;
  std::vector<std::map<Progression, std::vector<Box>>> known_;  // by dimension
  std::vector<Box> digit_boxes_;
  std::vector<std::size_t> numbers_;  // which box each of them is of
};

}  // namespace

std::optional<Cover> judge_cover(const std::vector<std::int64_t>& shape, std::span<const StridedBox> boxes,
                                 std::int64_t few) {
  const std::optional<std::int64_t> count = cells(shape);
  RULEC_ASSERT(count);
  if (*count == 0) return Cover{};
  return Cutting(shape, boxes, few).judge();
}

}  // namespace rulec
