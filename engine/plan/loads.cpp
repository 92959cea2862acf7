// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/loads.h"

#include <algorithm>

namespace rulec {
namespace {

std::int64_t count(const Box& box) {
  return *cells(box.shape());
}

Box around(const Box& a, const Box& b) {
  Box all = a;
  for (std::size_t axis = 0; axis < a.begin.size(); ++axis) {
    all.begin[axis] = std::min(a.begin[axis], b.begin[axis]);
    all.end[axis] = std::max(a.end[axis], b.end[axis]);
  }
  return all;
}

/// Reading a few cells in vain costs less than reading in many places.
bool are_nearly_one(const Box& a, const Box& b) {
  return count(around(a, b)) <= (count(a) + count(b)) / 8 * 9;
}

void join(std::vector<Box>& boxes) {
  // Together they are often one: the slices of a stack, say.
  Box all = boxes.front();
  std::int64_t sum = 0;
  for (const Box& box : boxes) {
    all = around(all, box);
    sum += count(box);
  }
  if (count(all) <= sum / 8 * 9) {
    boxes = {all};
    return;
  }
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    for (std::size_t k = i + 1; k < boxes.size(); ++k) {
      if (!overlap(boxes[i], boxes[k]) && !are_nearly_one(boxes[i], boxes[k])) continue;
      boxes[i] = around(boxes[i], boxes[k]);
      boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(k));
      k = i;  // it may touch others by now
    }
  }
}

}  // namespace

std::vector<SourceBox> joined(std::vector<SourceBox> boxes) {
  if (boxes.size() < 2) return boxes;
  std::ranges::stable_sort(boxes, {}, &SourceBox::source);
  std::vector<SourceBox> result;
  for (auto first = boxes.begin(); first != boxes.end();) {
    const auto last = std::find_if(first, boxes.end(), [&](const SourceBox& b) { return b.source != first->source; });
    std::vector<Box> of_one;
    for (auto box = first; box != last; ++box) of_one.push_back(std::move(box->box));
    // Boxes that were joined early may have come to overlap others.
    std::size_t before = 0;
    do {
      before = of_one.size();
      join(of_one);
    } while (of_one.size() < before);
    for (Box& box : of_one) result.push_back({first->source, std::move(box)});
    first = last;
  }
  return result;
}

std::vector<SourceBox> needed(const TargetTensor& target, const TargetMaps& maps, const Box& window) {
  std::vector<SourceBox> boxes;
  const bool is_all = window == Box{Shape(target.info.shape.size()), target.info.shape};
  for (const std::size_t copy : maps.by_source) {
    const CellMap& map = maps.copies[copy];
    if (is_all) {
      boxes.push_back({target.copies[copy].source, bounds(map, MapEnd::Source)});
      continue;
    }
    if (!maps.reaches(copy, window)) continue;
    for (const CellMap& part : restricted(map, MapEnd::Target, window))
      boxes.push_back({target.copies[copy].source, bounds(part, MapEnd::Source)});
  }
  return joined(std::move(boxes));
}

}  // namespace rulec
