// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "engine/index/strided_cover.h"

namespace rulec {

bool Progression::empty() const {
  return std::ranges::any_of(axes, [](const Axis& axis) { return axis.extent <= 0; });
}

bool Progression::contains(std::int64_t x) const {
  if (empty() || x < offset) return false;
  // Steepest first, what the flatter axes reach leaves one or two positions to try.
  const Progression form = normalised(*this);
  const auto reaches = [&](const auto& self, std::size_t axis, std::int64_t rest) -> bool {
    if (axis == form.axes.size()) return rest == 0;
    const auto [extent, stride] = form.axes[axis];
    std::int64_t flatter = 0;
    for (std::size_t a = axis + 1; a < form.axes.size(); ++a)
      flatter += (form.axes[a].extent - 1) * form.axes[a].stride;
    const std::int64_t last = std::min(rest / stride, extent - 1);
    const std::int64_t first = rest <= flatter ? 0 : (rest - flatter + stride - 1) / stride;
    for (std::int64_t position = last; position >= first; --position) {
      if (self(self, axis + 1, rest - position * stride)) return true;
    }
    return false;
  };
  return reaches(reaches, 0, x - offset);
}

std::int64_t Progression::runs() const {
  if (empty()) return 0;
  std::int64_t runs = 1;
  for (const auto& [extent, stride] : normalised(*this).axes) {
    if (stride > 1 && __builtin_mul_overflow(runs, extent, &runs)) return std::numeric_limits<std::int64_t>::max();
  }
  return runs;
}

Progression normalised(Progression progression) {
  std::erase_if(progression.axes, [](const Progression::Axis& axis) { return axis.extent == 1; });
  std::ranges::sort(progression.axes, std::ranges::greater{}, &Progression::Axis::stride);
  std::vector<Progression::Axis> merged;
  for (const Progression::Axis& axis : progression.axes) {
    if (!merged.empty() && axis.extent > 0 && merged.back().stride / axis.extent == axis.stride &&
        merged.back().stride % axis.extent == 0) {
      merged.back() = {merged.back().extent * axis.extent, axis.stride};
    } else {
      merged.push_back(axis);
    }
  }
  progression.axes = std::move(merged);
  return progression;
}

}  // namespace rulec
