// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/strided.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/tensor/stream.h"
#include "engine/tensor/transpose.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

/// What no cache holds with all that is around it: it is written past them.
constexpr std::int64_t StreamBytes = std::int64_t{4} << 20;

/// Positions of a side of a transpose from where on more of them gain nothing.
constexpr std::int64_t EnoughPositions = 1024;

/// Two axes are one if the outer one goes on where the inner one ends, on both sides.
bool fuses(const StridedAxis& outer, const StridedAxis& inner) {
  return outer.source_stride == inner.source_stride * inner.extent &&
         outer.target_stride == inner.target_stride * inner.extent;
}

/// Two elements that stay together are one of twice the size, up to the 16 bytes of a register: bytes become the
/// numbers that they are, and pairs are moved as such.
void widen(std::vector<StridedAxis>& axes, int& element_bytes) {
  const auto is_pair = [&](const StridedAxis& axis) {
    if (&axis == &axes.back()) return axis.source_stride == 1 && axis.target_stride == 1 && axis.extent % 2 == 0;
    return axis.source_stride % 2 == 0 && axis.target_stride % 2 == 0;
  };
  while (element_bytes < 16 && std::ranges::all_of(axes, is_pair)) {
    element_bytes *= 2;
    axes.back().extent /= 2;
    for (StridedAxis& axis : std::span(axes).first(axes.size() - 1)) {
      axis.source_stride /= 2;
      axis.target_stride /= 2;
    }
    if (axes.back().extent == 1 && axes.size() > 1) axes.pop_back();
  }
}

template <std::size_t Bytes>
void copy_each(const StridedAxis& axis, const std::byte* source, std::byte* target) {
  constexpr auto Size = static_cast<std::int64_t>(Bytes);
  std::array<std::byte, Bytes> element;
  if (axis.source_stride == 0 && axis.target_stride == 1) {
    std::memcpy(element.data(), source, Bytes);
    for (std::int64_t i = 0; i < axis.extent; ++i) std::memcpy(target + i * Size, element.data(), Bytes);
    return;
  }
  for (std::int64_t i = 0; i < axis.extent; ++i) {
    std::memcpy(element.data(), source + i * axis.source_stride * Size, Bytes);
    std::memcpy(target + i * axis.target_stride * Size, element.data(), Bytes);
  }
}

/// Loops over the outer axes around the fastest way for the inner ones.
class Copier {
 public:
  /// `axes` are those of a simplified copy, not empty.
  Copier(std::vector<StridedAxis> axes, int element_bytes, bool streams)
      : outer_(std::move(axes)), element_bytes_(element_bytes), streams_(streams) {
    rows_ = {outer_.back()};
    outer_.pop_back();
    if (rows_.back().source_stride > 1) find_transpose();
  }

  void run(const std::byte* source, std::byte* target) const { run(outer_, source, target); }

 private:
  /// An axis that is denser in the source than the one that is densest in the target makes a transpose of both. Axes
  /// that go on where these end, on their side, make its rows and columns longer.
  void find_transpose() {
    const auto densest = std::ranges::min_element(outer_, {}, [](const StridedAxis& axis) {
      return axis.source_stride > 0 ? axis.source_stride : std::numeric_limits<std::int64_t>::max();
    });
    if (densest == outer_.end() || densest->source_stride >= rows_.back().source_stride) return;
    columns_ = {*densest};
    outer_.erase(densest);
    lengthen(rows_, &StridedAxis::target_stride);
    lengthen(columns_, &StridedAxis::source_stride);
  }

  void lengthen(std::vector<StridedAxis>& side, std::int64_t StridedAxis::* stride) {
    std::int64_t positions = side.front().extent;
    while (positions < EnoughPositions) {
      const auto next = std::ranges::find(outer_, side.back().*stride * positions, stride);
      if (next == outer_.end()) return;
      positions *= next->extent;
      side.insert(side.begin(), *next);
      outer_.erase(next);
    }
  }

  void run(std::span<const StridedAxis> outer, const std::byte* source, std::byte* target) const {
    if (outer.empty()) return columns_.empty() ? row(source, target) : transpose(source, target);
    const StridedAxis& axis = outer.front();
    for (std::int64_t i = 0; i < axis.extent; ++i) {
      run(outer.subspan(1), source + i * axis.source_stride * element_bytes_,
          target + i * axis.target_stride * element_bytes_);
    }
  }

  void transpose(const std::byte* source, std::byte* target) const {
    copy_transposed({rows_, columns_}, element_bytes_, streams_, source, target);
  }

  void row(const std::byte* source, std::byte* target) const {
    const StridedAxis& axis = rows_.front();
    if (axis.source_stride == 1 && axis.target_stride == 1) {
      std::memcpy(target, source, static_cast<std::size_t>(axis.extent * element_bytes_));
      return;
    }
    switch (element_bytes_) {
      case 1:
        return copy_each<1>(axis, source, target);
      case 2:
        return copy_each<2>(axis, source, target);
      case 4:
        return copy_each<4>(axis, source, target);
      case 8:
        return copy_each<8>(axis, source, target);
      default:
        return copy_each<16>(axis, source, target);
    }
  }

  std::vector<StridedAxis> outer_;
  std::vector<StridedAxis> rows_;     // of a transpose, or one row alone
  std::vector<StridedAxis> columns_;  // of a transpose
  std::int64_t element_bytes_;
  bool streams_;
};

}  // namespace

std::int64_t StridedCopy::cells() const {
  std::int64_t count = 1;
  for (const StridedAxis& axis : axes) count *= axis.extent;
  return count;
}

StridedCopy simplified(StridedCopy copy) {
  std::vector<StridedAxis> axes = std::move(copy.axes);
  copy.axes.clear();
  const auto empty = std::ranges::find(axes, 0, &StridedAxis::extent);
  if (empty != axes.end()) {
    copy.axes.push_back({0, 0, 0});
    return copy;
  }
  std::erase_if(axes, [](const StridedAxis& axis) { return axis.extent == 1; });
  std::ranges::stable_sort(axes, [](const StridedAxis& a, const StridedAxis& b) {
    return std::pair(a.target_stride, a.source_stride) > std::pair(b.target_stride, b.source_stride);
  });
  for (const StridedAxis& axis : axes) {
    if (!copy.axes.empty() && fuses(copy.axes.back(), axis)) {
      copy.axes.back() = {copy.axes.back().extent * axis.extent, axis.source_stride, axis.target_stride};
    } else {
      copy.axes.push_back(axis);
    }
  }
  return copy;
}

void copy_strided(const StridedCopy& copy, int element_bytes, std::span<const std::byte> source,
                  std::span<std::byte> target) {
  RULEC_ASSERT(element_bytes == 1 || element_bytes == 2 || element_bytes == 4 || element_bytes == 8);
  const std::int64_t cells = copy.cells();
  if (cells == 0) return;
  StridedCopy simple = simplified(copy);
  if (simple.axes.empty()) simple.axes.push_back({1, 1, 1});
  const std::byte* const from = source.data() + simple.source_offset * element_bytes;
  std::byte* const to = target.data() + simple.target_offset * element_bytes;
  const bool streams = cells * element_bytes >= StreamBytes;
  widen(simple.axes, element_bytes);
  Copier(std::move(simple.axes), element_bytes, streams).run(from, to);
  if (streams) end_streams();
}

}  // namespace rulec
