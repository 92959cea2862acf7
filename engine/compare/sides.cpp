// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/sides.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

#include "engine/tensor/numbers.h"

namespace rulec {

std::optional<SideId> side_of(const Pack& pack, const TensorStore& store) {
  std::array<std::size_t, 2> matches{};
  for (const TensorInfo& info : store.tensors()) {
    for (const SideId side : BothSides) matches[number(side)] += pack.find(side, info.name).has_value();
  }
  if (matches[0] == 0 && matches[1] == 0) return std::nullopt;
  return matches[0] > matches[1] ? SideId::Left : SideId::Right;
}

std::optional<DType> usual_float(const TensorStore& store) {
  std::map<DType, std::size_t> counts;
  for (const TensorInfo& info : store.tensors()) {
    if (is_arithmetic_float(info.dtype)) ++counts[info.dtype];
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  return most == counts.end() ? std::nullopt : std::optional(most->first);
}

}  // namespace rulec
