// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/strided.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

/// Edge of the square in which a transpose works: rows of a cache line or more on both sides.
constexpr std::int64_t Edge = 64;

template <std::size_t Bytes>
struct Element {
  std::array<std::byte, Bytes> bytes;
};

/// Two axes are one if the outer one goes on where the inner one ends, on both sides.
bool fuses(const StridedAxis& outer, const StridedAxis& inner) {
  return outer.source_stride == inner.source_stride * inner.extent &&
         outer.target_stride == inner.target_stride * inner.extent;
}

template <std::size_t Bytes>
class Copier {
 public:
  Copier(const StridedCopy& copy, std::span<const std::byte> source, std::span<std::byte> target)
      : axes_(copy.axes), source_(source.data()), target_(target.data()) {
    std::size_t outer = axes_.size() - 1;
    const StridedAxis& inner = axes_.back();
    if (inner.source_stride != 1) {
      // A transpose: the axis that is dense in the source goes next to the one that is densest in the target.
      const auto dense = std::ranges::find(axes_, 1, &StridedAxis::source_stride);
      if (dense != axes_.end()) {
        std::rotate(dense, dense + 1, axes_.end() - 1);
        --outer;
        is_transpose_ = true;
      }
    }
    outer_axes_ = outer;
  }

  void run(std::size_t axis, std::int64_t from, std::int64_t to) {
    if (axis == outer_axes_) {
      if (is_transpose_) return transpose(from, to);
      return row(from, to);
    }
    const StridedAxis& a = axes_[axis];
    for (std::int64_t i = 0; i < a.extent; ++i) run(axis + 1, from + i * a.source_stride, to + i * a.target_stride);
  }

 private:
  using E = Element<Bytes>;

  void move(std::int64_t from, std::int64_t to, std::int64_t count = 1) {
    std::memcpy(target_ + to * Size, source_ + from * Size, static_cast<std::size_t>(count * Size));
  }

  void row(std::int64_t from, std::int64_t to) {
    const StridedAxis& a = axes_.back();
    if (a.source_stride == 1 && a.target_stride == 1) return move(from, to, a.extent);
    for (std::int64_t i = 0; i < a.extent; ++i) move(from + i * a.source_stride, to + i * a.target_stride);
  }

  /// Square by square by way of a small buffer: every cache line is read once and written once, also where strides are
  /// powers of two and lines push one another out.
  void transpose(std::int64_t from, std::int64_t to) {
    const StridedAxis& s = axes_[axes_.size() - 2];  // dense in the source
    const StridedAxis& t = axes_.back();             // densest in the target
    std::array<E, Edge * Edge> square;
    for (std::int64_t i0 = 0; i0 < t.extent; i0 += Edge) {
      const std::int64_t rows = std::min(Edge, t.extent - i0);
      for (std::int64_t j0 = 0; j0 < s.extent; j0 += Edge) {
        const std::int64_t columns = std::min(Edge, s.extent - j0);
        for (std::int64_t i = 0; i < rows; ++i) {
          std::memcpy(&square[static_cast<std::size_t>(i * Edge)],
                      source_ + (from + (i0 + i) * t.source_stride + j0) * Size,
                      static_cast<std::size_t>(columns * Size));
        }
        for (std::int64_t j = 0; j < columns; ++j) {
          std::byte* out = target_ + (to + i0 * t.target_stride + (j0 + j) * s.target_stride) * Size;
          for (std::int64_t i = 0; i < rows; ++i) {
            std::memcpy(out + i * t.target_stride * Size, &square[static_cast<std::size_t>(i * Edge + j)], Bytes);
          }
        }
      }
    }
  }

  static constexpr auto Size = static_cast<std::int64_t>(Bytes);
  std::vector<StridedAxis> axes_;
  const std::byte* source_;
  std::byte* target_;
  std::size_t outer_axes_ = 0;
  bool is_transpose_ = false;
};

template <std::size_t Bytes>
void copy_elements(const StridedCopy& copy, std::span<const std::byte> source, std::span<std::byte> target) {
  Copier<Bytes>(copy, source, target).run(0, copy.source_offset, copy.target_offset);
}

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
  if (copy.cells() == 0) return;
  StridedCopy simple = simplified(copy);
  if (simple.axes.empty()) simple.axes.push_back({});
  switch (element_bytes) {
    case 1:
      return copy_elements<1>(simple, source, target);
    case 2:
      return copy_elements<2>(simple, source, target);
    case 4:
      return copy_elements<4>(simple, source, target);
    case 8:
      return copy_elements<8>(simple, source, target);
    default:
      RULEC_ASSERT(!"elements of 1, 2, 4 or 8 bytes");
  }
}

}  // namespace rulec
