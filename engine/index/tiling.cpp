// SPDX-License-Identifier: Apache-2.0
#include "engine/index/tiling.h"

#include <algorithm>
#include <optional>

namespace rulec {
namespace {

using Axis = Progression::Axis;

/// The digits of the numbers below `cells` that `axes` leave out, steepest first. Nothing if `axes` are no digits.
std::optional<std::vector<Axis>> other_digits(std::int64_t cells, std::vector<Axis> axes) {
  std::erase_if(axes, [](const Axis& axis) { return axis.extent == 1; });
  std::ranges::sort(axes, {}, &Axis::stride);
  axes.push_back({1, cells});  // the end
  std::vector<Axis> digits;
  std::int64_t unit = 1;
  for (const Axis& axis : axes) {
    if (axis.extent < 1 || axis.stride < unit || axis.stride % unit != 0) return std::nullopt;
    if (axis.stride > unit) digits.push_back({axis.stride / unit, unit});
    if (axis.stride > cells / axis.extent) return std::nullopt;
    unit = axis.stride * axis.extent;
  }
  std::ranges::reverse(digits);
  return digits;
}

}  // namespace

bool are_tiles(std::int64_t cells, std::vector<Axis> axes, std::span<const std::int64_t> offsets) {
  const std::optional<std::vector<Axis>> digits = other_digits(cells, std::move(axes));
  if (!digits) return false;
  std::int64_t count = 1;
  for (const Axis& digit : *digits) count *= digit.extent;
  if (count != std::ssize(offsets)) return false;
  std::vector<bool> is_met(offsets.size());
  for (const std::int64_t offset : offsets) {
    std::int64_t rest = offset;
    std::int64_t place = 0;
    for (const Axis& digit : *digits) {
      const std::int64_t value = rest / digit.stride;
      if (value < 0 || value >= digit.extent) return false;
      rest -= value * digit.stride;
      place = place * digit.extent + value;
    }
    if (rest != 0 || is_met[static_cast<std::size_t>(place)]) return false;
    is_met[static_cast<std::size_t>(place)] = true;
  }
  return true;
}

}  // namespace rulec
