// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/target_maps.h"

#include <algorithm>

#include "grammar/internal_error.h"

namespace rulec {

std::span<const std::size_t> TargetMaps::copies_of(const TargetTensor& target, std::size_t source) const {
  const auto source_of = [&](std::size_t copy) { return target.copies[copy].source; };
  const auto found = std::ranges::equal_range(by_source, source, {}, source_of);
  return {found.begin(), found.end()};
}

TargetMaps maps_of(const TargetTensor& target, std::span<const TensorInfo> sources) {
  TargetMaps maps;
  std::int64_t covered = 0;
  for (std::size_t c = 0; c < target.copies.size(); ++c) {
    const CopyPiece& piece = target.copies[c];
    maps.copies.emplace_back();
    if (piece.copy.cells() == 0) continue;
    covered += piece.copy.cells();
    maps.copies.back() = cell_map(piece.copy, sources[piece.source].shape, target.info.shape);
    maps.by_source.push_back(c);
    // Operands count positions of the copy's axes.
    RULEC_ASSERT(piece.operands.empty() || maps.copies.back().axes.size() == piece.copy.axes.size());
  }
  for (const FillPiece& piece : target.fills) {
    maps.fills.emplace_back();
    covered += piece.copy.cells();
    if (piece.copy.cells() > 0) maps.fills.back() = cell_map(piece.copy, {}, target.info.shape);
  }
  if (maps.copies.size() > 1) {
    for (std::size_t c = 0; c < maps.copies.size(); ++c)
      maps.reach.push_back(target.copies[c].copy.cells() == 0 ? Box{} : bounds(maps.copies[c], MapEnd::Target));
  }
  maps.is_covered = covered == cells(target.info.shape);
  std::ranges::stable_sort(maps.by_source, {}, [&](std::size_t copy) { return target.copies[copy].source; });
  return maps;
}

}  // namespace rulec
