// SPDX-License-Identifier: Apache-2.0
#include "engine/index/strided_cover.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <rulec/tensor.h>

#include "engine/index/digits.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

using Cell = std::vector<std::int64_t>;

/// How far a hole is looked along in a dimension that was cut.
constexpr std::int64_t Window = 4096;

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
      digits_.emplace_back(shape[d], std::vector<Progression>(sets.begin(), sets.end()), few);
      known_.emplace_back();
    }
  }

  std::optional<Cover> judge() {
    std::vector<std::int64_t> extents;
    for (const Digits& dimension : digits_) dimension.add_extents(extents);
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
    std::vector<SetBox> products{{}};
    for (std::size_t d = 0; d < box.size(); ++d) {
      const auto [known, is_new] = known_[d].try_emplace(box[d]);
      if (is_new) {
        std::optional<std::vector<SetBox>> made = digits_[d].boxes(box[d]);
        if (!made) return false;
        known->second = *std::move(made);
      }
      std::vector<SetBox> longer;
      for (const SetBox& product : products) {
        for (const SetBox& digits : known->second) {
          longer.push_back(product);
          longer.back().insert(longer.back().end(), digits.begin(), digits.end());
        }
      }
      products = std::move(longer);
    }
    for (SetBox& product : products) {
      digit_boxes_.push_back(std::move(product));
      numbers_.push_back(number);
    }
    return true;
  }

  /// Cells that only the padded dimensions have are no holes: those of each dimension over the cells that the ones
  /// before it really have.
  bool add_rest() {
    StridedBox box;
    for (const Digits& dimension : digits_) box.push_back(normalised({0, {{dimension.padded(), 1}}}));
    for (std::size_t d = 0; d < digits_.size(); ++d) {
      const std::int64_t extent = shape_[d];
      const std::int64_t behind = digits_[d].padded() - extent;
      box[d] = normalised({extent, {{behind, 1}}});
      if (behind > 0 && !add(box, boxes_.size())) return false;
      box[d] = normalised({0, {{extent, 1}}});
    }
    return true;
  }

  Cell cell_of(const Cell& digits) const {
    Cell cell;
    std::size_t digit = 0;
    for (const Digits& dimension : digits_) {
      cell.push_back(dimension.number(digits, digit));
      digit += dimension.count();
    }
    return cell;
  }

  void restore(Hole& hole) const {
    hole.cell = cell_of(hole.cell);
    SetBox along;
    std::size_t digit = 0;
    for (std::size_t d = 0; d < digits_.size(); ++d) {
      along.push_back(digits_[d].is_cut() ? missing_along(d, hole.cell) : std::move(hole.along[digit]));
      digit += digits_[d].count();
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
  std::vector<Digits> digits_;
  std::vector<std::map<Progression, std::vector<SetBox>>> known_;  // by dimension
  std::vector<SetBox> digit_boxes_;
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
