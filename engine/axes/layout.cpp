// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "engine/axes/pattern.h"
#include "grammar/overloaded.h"

namespace rulec::axes {
namespace {

/// A dimension or a part of one, distributed: its monomials with strides that count its own cells.
struct Expansion {
  std::int64_t size = 1;
  std::vector<Monomial> monomials;
};

std::optional<Expansion> expand(const PatternDim& dim);

Monomial product(const Monomial& slow, const Monomial& fast, std::int64_t fast_size) {
  Monomial result = slow;
  for (AxisStride& axis : result.axes) axis.stride *= fast_size;
  for (IndexStride& index : result.indices) index.stride *= fast_size;
  result.axes.insert(result.axes.end(), fast.axes.begin(), fast.axes.end());
  result.indices.insert(result.indices.end(), fast.indices.begin(), fast.indices.end());
  result.offset = slow.offset * fast_size + fast.offset;
  result.is_pad = slow.is_pad || fast.is_pad;
  return result;
}

std::optional<Expansion> expand_product(const std::vector<PatternDim>& factors) {
  Expansion whole{1, {Monomial{}}};
  for (const PatternDim& factor : factors) {
    const std::optional<Expansion> next = expand(factor);
    if (!next) return std::nullopt;
    std::vector<Monomial> monomials;
    for (const Monomial& slow : whole.monomials) {
      for (const Monomial& fast : next->monomials) monomials.push_back(product(slow, fast, next->size));
    }
    if (__builtin_mul_overflow(whole.size, next->size, &whole.size)) return std::nullopt;
    whole.monomials = std::move(monomials);
  }
  return whole;
}

std::optional<Expansion> expand_group(const GroupDim& group) {
  Expansion sum{0, {}};
  for (const std::vector<PatternDim>& summand : group.summands) {
    std::optional<Expansion> next = expand_product(summand);
    if (!next) return std::nullopt;
    for (Monomial& monomial : next->monomials) {
      monomial.offset += sum.size;
      sum.monomials.push_back(std::move(monomial));
    }
    if (__builtin_add_overflow(sum.size, next->size, &sum.size)) return std::nullopt;
  }
  if (group.pad && *group.pad > sum.size) {
    Monomial zeros;
    zeros.axes.push_back({AxisId{}, *group.pad - sum.size, 1, 1});
    zeros.offset = sum.size;
    zeros.is_pad = true;
    sum.monomials.push_back(std::move(zeros));
    sum.size = *group.pad;
  }
  return sum;
}

std::optional<Expansion> expand(const PatternDim& dim) {
  return std::visit(Overloaded{
                        [](const AxisDim& axis) -> std::optional<Expansion> {
                          return Expansion{axis.size, {{{{axis.axis, axis.size, 1, axis.block}}, {}, 0, false}}};
                        },
                        [](const IndexDim& index) -> std::optional<Expansion> {
                          return Expansion{index.extent, {{{}, {{index.slot, 1}}, 0, false}}};
                        },
                        [](const UnitDim&) -> std::optional<Expansion> { return Expansion{1, {Monomial{}}}; },
                        [](const GroupDim& group) { return expand_group(group); },
                    },
                    dim.node);
}

}  // namespace

std::optional<std::int64_t> size_of(const PatternDim& dim) {
  const std::optional<Expansion> expansion = expand(dim);
  if (!expansion) return std::nullopt;
  return expansion->size;
}

std::optional<Layout> lay_out(const Pattern& pattern) {
  Layout layout;
  for (const PatternDim& dim : pattern) {
    const std::optional<std::int64_t> size = size_of(dim);
    if (!size) return std::nullopt;
    layout.shape.push_back(*size);
  }
  std::optional<Expansion> whole = cells(layout.shape) ? expand_product(pattern) : std::nullopt;
  if (!whole) return std::nullopt;
  layout.monomials = std::move(whole->monomials);
  for (Monomial& monomial : layout.monomials) {
    if (!monomial.is_pad) std::ranges::stable_sort(monomial.axes, {}, &AxisStride::axis);
  }
  return layout;
}

std::optional<AxisId> repeated_axis(const Layout& layout) {
  for (const Monomial& monomial : layout.monomials) {
    if (monomial.is_pad) continue;
    const auto twice = std::ranges::adjacent_find(monomial.axes, {}, &AxisStride::axis);
    if (twice != monomial.axes.end()) return twice->axis;
  }
  return std::nullopt;
}

}  // namespace rulec::axes
