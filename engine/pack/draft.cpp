// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/draft.h"

#include <algorithm>
#include <utility>

#include "grammar/overloaded.h"

namespace rulec {
namespace {

void place_slots(const std::vector<axes::PatternDim>& dims, SlotPlace base, std::int64_t& nested,
                 std::vector<SlotPlace>& places) {
  for (const axes::PatternDim& dim : dims) {
    if (const auto* index = std::get_if<axes::IndexDim>(&dim.node)) {
      places.resize(std::max(places.size(), index->slot + 1));
      places[index->slot] = base + nested;
    }
    ++nested;
    if (const auto* group = std::get_if<axes::GroupDim>(&dim.node)) {
      for (const auto& summand : group->summands) place_slots(summand, base, nested, places);
    }
  }
}

void sign(const std::vector<axes::PatternDim>& dims, std::vector<std::int64_t>& signature) {
  signature.push_back(static_cast<std::int64_t>(dims.size()));
  for (const axes::PatternDim& dim : dims) {
    std::visit(Overloaded{
                   [&](const axes::AxisDim& axis) {
                     signature.insert(signature.end(),
                                      {1, static_cast<std::int64_t>(axis.axis), axis.size, axis.block});
                   },
                   [&](const axes::IndexDim& index) {
                     signature.insert(signature.end(), {2, static_cast<std::int64_t>(index.slot)});
                   },
                   [&](const axes::UnitDim&) { signature.push_back(3); },
                   [&](const axes::GroupDim& group) {
                     signature.insert(signature.end(),
                                      {4, group.pad.value_or(-1), static_cast<std::int64_t>(group.summands.size())});
                     for (const auto& summand : group.summands) sign(summand, signature);
                   },
               },
               dim.node);
  }
}

/// All that tells variants apart but their pipelines, for which there are equality and no order.
std::vector<std::int64_t> signature_of(const Variant& variant) {
  std::vector<std::int64_t> signature;
  for (const auto& side : variant.patterns) {
    for (const axes::Pattern& pattern : side) sign(pattern, signature);
  }
  for (const HookPipelines& hooks : variant.hooks) {
    for (const OperandTerm& operand : hooks.operands) sign(operand.shape.pattern, signature);
  }
  signature.push_back(variant.shape_known);
  return signature;
}

bool same_numbers(const Variant& a, const Variant& b) {
  const auto same_hooks = [](const HookPipelines& x, const HookPipelines& y) {
    return x.towards == y.towards &&
           std::ranges::equal(x.operands, y.operands, {}, &OperandTerm::pipeline, &OperandTerm::pipeline);
  };
  return a.constant == b.constant && std::ranges::equal(a.hooks, b.hooks, same_hooks);
}

}  // namespace

std::vector<SlotPlace> slot_places(const axes::Pattern& pattern) {
  std::vector<SlotPlace> places;
  for (std::size_t dim = 0; dim < pattern.size(); ++dim) {
    std::int64_t nested = 0;
    place_slots({pattern[dim]}, static_cast<SlotPlace>(dim) * 1'000'000, nested, places);
  }
  return places;
}

std::uint32_t DraftFamily::intern(Variant variant) {
  std::vector<std::uint32_t>& alike = by_signature[signature_of(variant)];
  for (const std::uint32_t known : alike) {
    if (same_numbers(variants[known], variant)) return known;
  }
  alike.push_back(static_cast<std::uint32_t>(variants.size()));
  variants.push_back(std::move(variant));
  return alike.back();
}

std::uint32_t NameTable::intern(const std::string& name) {
  const auto [place, is_new] = numbers.try_emplace(name, static_cast<std::uint32_t>(names.size()));
  if (is_new) {
    names.push_back(name);
    extents.emplace_back();
  }
  return place->second;
}

void NameTable::extend(std::uint32_t name, SlotPlace place, std::int64_t extent) {
  std::int64_t& known = extents[name][place];
  known = std::max(known, extent);
}

}  // namespace rulec
