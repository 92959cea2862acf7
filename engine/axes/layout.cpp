// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "engine/axes/pattern.h"
#include "grammar/overloaded.h"

namespace rulec::axes {
namespace {

/// How many cells a part of a pattern has, and a bound above every stride and offset within it. The bound is the number
/// of cells if every axis has one at least.
struct Size {
  std::int64_t cells = 1;
  std::int64_t bound = 1;
};

std::optional<Size> size_of(const PatternDim& dim);

std::int64_t blocks(std::int64_t cells, std::int64_t block) {
  return cells / block + (cells % block != 0 ? 1 : 0);
}

std::optional<Size> size_of(const std::vector<PatternDim>& factors) {
  Size whole;
  for (const PatternDim& factor : factors) {
    const std::optional<Size> next = size_of(factor);
    if (!next || __builtin_mul_overflow(whole.bound, next->bound, &whole.bound)) return std::nullopt;
    whole.cells *= next->cells;  // no more than the bound
  }
  return whole;
}

std::optional<Size> size_of(const GroupDim& group) {
  Size sum{0, 0};
  for (const std::vector<PatternDim>& summand : group.summands) {
    const std::optional<Size> next = size_of(summand);
    if (!next || __builtin_add_overflow(sum.bound, next->bound, &sum.bound)) return std::nullopt;
    sum.cells += next->cells;
  }
  const std::int64_t cells = std::max(sum.cells, group.pad.value_or(0));
  return Size{blocks(cells, group.block), std::max({sum.bound, group.pad.value_or(0), std::int64_t{1}})};
}

std::optional<Size> size_of(const PatternDim& dim) {
  const auto plain = [](std::int64_t cells) { return Size{cells, std::max<std::int64_t>(cells, 1)}; };
  return std::visit(Overloaded{
                        [&](const AxisDim& axis) -> std::optional<Size> { return plain(axis.size); },
                        [&](const IndexDim& index) -> std::optional<Size> { return plain(index.extent); },
                        [](const UnitDim&) -> std::optional<Size> { return Size{}; },
                        [](const GroupDim& group) { return size_of(group); },
                    },
                    dim.node);
}

/// A dimension or a part of one, distributed: its monomials with strides that count its own cells.
struct Expansion {
  std::int64_t size = 1;
  std::vector<Monomial> monomials;
};

Expansion expand(const PatternDim& dim);

Monomial product(const Monomial& slow, const Monomial& fast, std::int64_t fast_size) {
  Monomial result = slow;
  for (AxisStride& axis : result.axes) axis.stride *= fast_size;
  for (IndexStride& index : result.indices) index.stride *= fast_size;
  for (BlockedGroup& group : result.blocked) group.stride *= fast_size;
  result.axes.insert(result.axes.end(), fast.axes.begin(), fast.axes.end());
  result.indices.insert(result.indices.end(), fast.indices.begin(), fast.indices.end());
  result.offset = slow.offset * fast_size + fast.offset;
  result.is_pad = slow.is_pad || fast.is_pad;
  result.blocked.insert(result.blocked.end(), fast.blocked.begin(), fast.blocked.end());
  return result;
}

Expansion expand(const std::vector<PatternDim>& factors) {
  Expansion whole{1, {Monomial{}}};
  for (const PatternDim& factor : factors) {
    const Expansion next = expand(factor);
    std::vector<Monomial> monomials;
    for (const Monomial& slow : whole.monomials) {
      for (const Monomial& fast : next.monomials) monomials.push_back(product(slow, fast, next.size));
    }
    whole = {whole.size * next.size, std::move(monomials)};
  }
  return whole;
}

Expansion in_blocks(Expansion group, std::int64_t block) {
  group.size = blocks(group.size, block);
  for (Monomial& monomial : group.monomials) {
    Monomial result;
    result.is_pad = monomial.is_pad;
    result.blocked = std::move(monomial.blocked);
    result.blocked.push_back({block, 1, monomial.offset, std::move(monomial.axes), std::move(monomial.indices)});
    monomial = std::move(result);
  }
  return group;
}

Expansion expand(const GroupDim& group) {
  Expansion sum{0, {}};
  for (const std::vector<PatternDim>& summand : group.summands) {
    Expansion next = expand(summand);
    for (Monomial& monomial : next.monomials) {
      monomial.offset += sum.size;
      sum.monomials.push_back(std::move(monomial));
    }
    sum.size += next.size;
  }
  if (group.pad && *group.pad > sum.size) {
    Monomial zeros;
    zeros.axes.push_back({AxisId{}, *group.pad - sum.size, 1, 1});
    zeros.offset = sum.size;
    zeros.is_pad = true;
    sum.monomials.push_back(std::move(zeros));
    sum.size = *group.pad;
  }
  return group.block > 1 ? in_blocks(std::move(sum), group.block) : sum;
}

Expansion expand(const PatternDim& dim) {
  return std::visit(
      Overloaded{
          [](const AxisDim& axis) {
            return Expansion{axis.size, {{{{axis.axis, axis.size, 1, axis.block}}, {}, 0, false}}};
          },
          [](const IndexDim& index) { return Expansion{index.extent, {{{}, {{index.slot, 1}}, 0, false}}}; },
          [](const UnitDim&) { return Expansion{1, {Monomial{}}}; },
          [](const GroupDim& group) { return expand(group); },
      },
      dim.node);
}

}  // namespace

std::int64_t count_monomials(const Pattern& pattern) {
  std::int64_t count = 1;
  for (const PatternDim& dim : pattern) {
    const auto* group = std::get_if<GroupDim>(&dim.node);
    if (group == nullptr) continue;
    std::int64_t sum = group->pad ? 1 : 0;
    for (const std::vector<PatternDim>& summand : group->summands) {
      if (__builtin_add_overflow(sum, count_monomials(summand), &sum)) sum = INT64_MAX;
    }
    if (__builtin_mul_overflow(count, sum, &count)) count = INT64_MAX;
  }
  return count;
}

std::optional<SmallPad> find_small_pad(const Pattern& pattern) {
  for (const PatternDim& dim : pattern) {
    const auto* group = std::get_if<GroupDim>(&dim.node);
    if (group == nullptr) continue;
    for (const std::vector<PatternDim>& summand : group->summands) {
      if (const std::optional<SmallPad> inner = find_small_pad(summand)) return inner;
    }
    if (!group->pad) continue;
    const std::optional<Size> inner = size_of(GroupDim{group->summands, std::nullopt, 1});
    if (inner && inner->cells > *group->pad) return SmallPad{inner->cells, *group->pad};
  }
  return std::nullopt;
}

std::optional<Layout> lay_out(const Pattern& pattern) {
  if (!size_of(pattern)) return std::nullopt;
  Layout layout;
  for (const PatternDim& dim : pattern) layout.shape.push_back(size_of(dim)->cells);
  layout.monomials = expand(pattern).monomials;
  for (Monomial& monomial : layout.monomials) {
    if (!monomial.is_pad) std::ranges::stable_sort(monomial.axes, {}, &AxisStride::axis);
  }
  return layout;
}

std::optional<AxisId> repeated_axis(const Layout& layout) {
  for (const Monomial& monomial : layout.monomials) {
    if (monomial.is_pad) continue;
    std::vector<AxisStride> axes = monomial.axes;
    for (const BlockedGroup& group : monomial.blocked) axes.insert(axes.end(), group.axes.begin(), group.axes.end());
    std::ranges::stable_sort(axes, {}, &AxisStride::axis);
    const auto twice = std::ranges::adjacent_find(axes, {}, &AxisStride::axis);
    if (twice != axes.end()) return twice->axis;
  }
  return std::nullopt;
}

}  // namespace rulec::axes
