// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/raw_read.h"

#include <utility>
#include <vector>

#include "engine/zarr/grid.h"

namespace rulec::zarr {
namespace {

// From here on a read of its own costs less than moving the bytes twice.
constexpr std::int64_t LongRun = 1 << 16;
constexpr std::int64_t WorthBuffering = 4;

}  // namespace

Status read_strided(const ChunkSource& source, std::string_view key, std::uint64_t base, const StridedCopy& copy,
                    std::span<std::byte> into, Diagnostics& diags) {
  StridedCopy outer = simplified(copy);
  if (copy.cells() == 0) return Done{};
  std::int64_t run = 1;
  if (!outer.axes.empty() && outer.axes.back().source_stride == 1 && outer.axes.back().target_stride == 1) {
    run = outer.axes.back().extent;
    outer.axes.pop_back();
  }
  std::int64_t span = run;
  for (const StridedAxis& axis : outer.axes) span += (axis.extent - 1) * axis.source_stride;
  const std::uint64_t begin = base + static_cast<std::uint64_t>(copy.source_offset);
  if (run < LongRun && !outer.axes.empty() && span / WorthBuffering <= copy.cells()) {
    std::vector<std::byte> buffer(static_cast<std::size_t>(span));
    if (const Status status = source.read(key, begin, buffer, diags); !status) return status;
    StridedCopy from_buffer = copy;
    from_buffer.source_offset = 0;
    copy_strided(from_buffer, 1, buffer, into);
    return Done{};
  }
  Box runs;
  for (const StridedAxis& axis : outer.axes) {
    runs.begin.push_back(0);
    runs.end.push_back(axis.extent);
  }
  Shape at = runs.begin;
  do {
    std::uint64_t from = begin;
    std::int64_t to = outer.target_offset;
    for (std::size_t i = 0; i < at.size(); ++i) {
      from += static_cast<std::uint64_t>(at[i] * outer.axes[i].source_stride);
      to += at[i] * outer.axes[i].target_stride;
    }
    const auto piece = into.subspan(static_cast<std::size_t>(to), static_cast<std::size_t>(run));
    if (const Status status = source.read(key, from, piece, diags); !status) return status;
  } while (advance(at, runs));
  return Done{};
}

}  // namespace rulec::zarr
