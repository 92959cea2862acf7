// SPDX-License-Identifier: Apache-2.0
// Cuts the box, axis by axis, into slices on which the same boxes lie, until a slice holds one box, none, or all of its
// boxes in every cell. The next axis is the one that cuts the fewest boxes, so boxes that some axis keeps apart are
// never cut.
#include "engine/index/cover.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include <rulec/tensor.h>

#include "engine/index/cover_pairs.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

using Numbers = std::vector<std::uint32_t>;  // of boxes, or of classes; ascending
using Cell = std::vector<std::int64_t>;

/// The sets of all boxes along one axis. Equal sets are one class.
struct AxisSets {
  std::int64_t extent = 0;
  std::vector<const IntervalSet*> sets;  // by class
  Numbers class_of;                      // by box

  const IntervalSet& set(std::uint32_t box) const { return *sets[class_of[box]]; }
};

struct HashSet {
  std::size_t operator()(const IntervalSet* set) const {
    std::size_t hash = set->intervals().size();
    for (const auto& [begin, end] : set->intervals()) {
      for (const std::int64_t bound : {begin, end})
        hash = (hash ^ static_cast<std::size_t>(bound)) * 0x9E3779B97F4A7C15U;
    }
    return hash ^ (hash >> 32U);
  }
};

struct SameSet {
  bool operator()(const IntervalSet* a, const IntervalSet* b) const { return *a == *b; }
};

AxisSets classify(std::size_t axis, std::int64_t extent, std::span<const SetBox> boxes) {
  AxisSets result{extent, {}, {}};
  std::unordered_map<const IntervalSet*, std::uint32_t, HashSet, SameSet> numbers;
  for (const SetBox& box : boxes) {
    const auto [found, is_new] = numbers.emplace(&box[axis], static_cast<std::uint32_t>(numbers.size()));
    if (is_new) result.sets.push_back(&box[axis]);
    result.class_of.push_back(found->second);
  }
  return result;
}

/// The part of an axis on which `boxes` lie and no other.
struct Slice {
  std::int64_t first = 0;
  std::int64_t cells = 0;
  Numbers boxes;
};

struct Cut {
  std::size_t axis = 0;
  std::vector<Slice> slices;
  std::size_t visits = 0;  // boxes over all slices
};

/// The classes of some boxes along an axis, and the boxes of each.
std::vector<std::pair<const IntervalSet*, Numbers>> classes_of(const AxisSets& axis, const Numbers& boxes) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sorted;
  sorted.reserve(boxes.size());
  for (const std::uint32_t box : boxes) sorted.emplace_back(axis.class_of[box], box);
  std::ranges::sort(sorted);
  std::vector<std::pair<const IntervalSet*, Numbers>> classes;
  for (const auto& [number, box] : sorted) {
    const IntervalSet* set = axis.sets[number];
    if (classes.empty() || classes.back().first != set) classes.push_back({set, {}});
    classes.back().second.push_back(box);
  }
  return classes;
}

class Judge {
 public:
  Judge(std::vector<AxisSets> axes, std::size_t effort)
      : axes_(std::move(axes)), effort_(effort), cell_(axes_.size()) {}

  /// Judges `boxes` within the slice that the axes outside `open` have been cut to, which is `weight` cells wide over
  /// those. False if the effort does not suffice.
  bool judge(const Numbers& boxes, const std::vector<std::size_t>& open, std::int64_t weight);

  std::optional<Overlap> overlap;
  std::optional<Cell> hole;
  std::int64_t missing = 0;

 private:
  void judge_one(std::uint32_t box, const std::vector<std::size_t>& open, std::int64_t weight);
  std::optional<Cut> best_cut(const Numbers& boxes, const std::vector<std::size_t>& open);
  std::optional<Cut> cut_along(std::size_t axis, const Numbers& boxes, std::size_t patience);

  void miss(std::int64_t cells) {
    missing += cells;
    if (!hole || cell_ < *hole) hole = cell_;
  }

  std::vector<AxisSets> axes_;
  std::size_t effort_;
  Cell cell_;  // the first cell of the slice; 0 along open axes
};

bool Judge::judge(const Numbers& boxes, const std::vector<std::size_t>& open, std::int64_t weight) {
  if (boxes.empty()) {
    for (const std::size_t axis : open) weight *= axes_[axis].extent;
    miss(weight);
    return true;
  }
  if (boxes.size() == 1) {
    judge_one(boxes[0], open, weight);
    return true;
  }
  if (open.empty()) {
    if (!overlap || cell_ < overlap->cell) overlap = Overlap{boxes[0], boxes[1], cell_};
    return true;
  }
  const std::optional<Cut> cut = best_cut(boxes, open);
  if (!cut) return false;
  std::vector<std::size_t> rest = open;
  std::erase(rest, cut->axis);
  for (const Slice& slice : cut->slices) {
    cell_[cut->axis] = slice.first;
    if (!judge(slice.boxes, rest, weight * slice.cells)) return false;
  }
  cell_[cut->axis] = 0;
  return true;
}

void Judge::judge_one(std::uint32_t box, const std::vector<std::size_t>& open, std::int64_t weight) {
  std::int64_t all = weight;
  std::int64_t held = weight;
  // The smallest cell outside differs from that of the slice along one axis: where it costs nothing, else the last that
  // can.
  std::optional<std::pair<std::size_t, std::int64_t>> leave;
  for (const std::size_t axis : open) {
    const IntervalSet& set = axes_[axis].set(box);
    all *= axes_[axis].extent;
    held *= set.size();
    const std::int64_t outside = set.first() > 0 ? 0 : set.intervals().front().end;
    if (outside < axes_[axis].extent && (!leave || leave->second > 0)) leave = {axis, outside};
  }
  if (!leave) return;
  cell_[leave->first] = leave->second;
  miss(all - held);
  cell_[leave->first] = 0;
}

std::optional<Cut> Judge::best_cut(const Numbers& boxes, const std::vector<std::size_t>& open) {
  std::optional<Cut> best;
  for (const std::size_t patience : {std::size_t{2}, effort_}) {
    for (const std::size_t axis : open) {
      std::optional<Cut> cut = cut_along(axis, boxes, patience);
      if (cut && (!best || cut->visits < best->visits)) best = std::move(cut);
      if (best && best->visits <= boxes.size()) break;  // no box is cut
    }
    if (best) break;
  }
  if (!best || best->visits > effort_) return std::nullopt;
  effort_ -= best->visits;
  return best;
}

/// Nothing if that takes more than `patience` visits of classes a bound, or more than the effort that is left.
std::optional<Cut> Judge::cut_along(std::size_t axis, const Numbers& boxes, std::size_t patience) {
  const auto classes = classes_of(axes_[axis], boxes);
  std::vector<std::pair<std::int64_t, std::uint32_t>> bounds;  // a class begins or ends
  for (std::uint32_t i = 0; i < classes.size(); ++i) {
    for (const auto& [begin, end] : classes[i].first->intervals()) {
      bounds.emplace_back(begin, i);
      bounds.emplace_back(end, i);
    }
  }
  std::ranges::sort(bounds);

  std::size_t visits = 0;
  Numbers active;
  std::map<Numbers, Slice> slices;  // by the classes that lie there
  const auto add = [&](std::int64_t begin, std::int64_t end) {
    Slice& slice = slices.try_emplace(active, Slice{begin, 0, {}}).first->second;
    slice.cells += end - begin;
  };
  std::int64_t at = 0;
  for (const auto& [bound, number] : bounds) {
    if (at < bound) add(at, bound);
    at = bound;
    const auto place = std::ranges::lower_bound(active, number);
    if (place != active.end() && *place == number) {
      active.erase(place);
    } else {
      active.insert(place, number);
    }
    visits += active.size();
    if (visits > effort_ || visits / bounds.size() >= patience) {
      effort_ -= std::min(effort_, visits);
      return std::nullopt;
    }
  }
  if (at < axes_[axis].extent) add(at, axes_[axis].extent);
  effort_ -= visits;

  Cut cut{axis, {}, 0};
  for (auto& [numbers, slice] : slices) {
    for (const std::uint32_t i : numbers) {
      slice.boxes.insert(slice.boxes.end(), classes[i].second.begin(), classes[i].second.end());
    }
    if (numbers.size() > 1) std::ranges::sort(slice.boxes);
    cut.visits += slice.boxes.size();
    cut.slices.push_back(std::move(slice));
  }
  return cut;
}

SetBox missing_along(const std::vector<std::int64_t>& shape, std::span<const SetBox> boxes, const Cell& cell) {
  std::vector<std::vector<IntervalSet::Interval>> held(shape.size());
  for (const SetBox& box : boxes) {
    // A box meets the line through the cell along an axis if that axis is the only one where it does not hold the cell.
    std::optional<std::size_t> only;
    std::size_t misses = 0;
    for (std::size_t axis = 0; axis < shape.size() && misses < 2; ++axis) {
      if (box[axis].contains(cell[axis])) continue;
      only = axis;
      ++misses;
    }
    if (misses != 1) continue;
    const auto& intervals = box[*only].intervals();
    held[*only].insert(held[*only].end(), intervals.begin(), intervals.end());
  }
  SetBox along;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    along.push_back(subtract(IntervalSet::range(0, shape[axis]), IntervalSet::of(std::move(held[axis]))));
  }
  return along;
}

}  // namespace

Cover judge_cover(const std::vector<std::int64_t>& shape, std::span<const SetBox> boxes, std::size_t effort) {
  RULEC_ASSERT(cells(shape));
  Numbers solid;
  for (std::uint32_t number = 0; number < boxes.size(); ++number) {
    const SetBox& box = boxes[number];
    RULEC_ASSERT(box.size() == shape.size());
    bool is_solid = true;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      is_solid &= !box[axis].empty();
      RULEC_ASSERT(box[axis].empty() || (box[axis].first() >= 0 && box[axis].intervals().back().end <= shape[axis]));
    }
    if (is_solid) solid.push_back(number);
  }
  if (cells(shape) == 0) return {};

  std::vector<AxisSets> axes;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) axes.push_back(classify(axis, shape[axis], boxes));
  std::vector<std::size_t> open(shape.size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  Judge judge(std::move(axes), effort);
  Cover cover;
  if (judge.judge(solid, open, 1)) {
    cover.overlap = judge.overlap;
    if (judge.hole) cover.hole = Hole{*judge.hole, {}, judge.missing};
  } else {
    cover = cover_by_pairs(shape, boxes, solid);
  }
  if (cover.hole) cover.hole->along = missing_along(shape, boxes, cover.hole->cell);
  return cover;
}

}  // namespace rulec
