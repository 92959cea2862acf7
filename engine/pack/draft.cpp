// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/draft.h"

#include <algorithm>
#include <functional>
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
                     signature.insert(signature.end(), {4, group.pad.value_or(-1), group.block,
                                                        static_cast<std::int64_t>(group.summands.size())});
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

std::span<const DraftTerm> DraftFamily::terms_of(const DraftInstance& instance, SideId side) const {
  const std::size_t left = family.terms[0].size();
  return side == SideId::Left ? std::span(terms).subspan(instance.terms, left)
                              : std::span(terms).subspan(instance.terms + left, family.terms[1].size());
}

std::span<const DraftTerm> DraftFamily::operands_of(const DraftInstance& instance, std::size_t right_term) const {
  const std::vector<HookPipelines>& hooks = variants[instance.variant].hooks;
  std::size_t begin = instance.terms + family.terms[0].size() + family.terms[1].size();
  for (std::size_t t = 0; t < right_term; ++t) begin += hooks[t].operands.size();
  return std::span(terms).subspan(begin, hooks[right_term].operands.size());
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

std::uint32_t NameTable::intern(std::string_view name) {
  if (names_.size() * 2 >= slots_.size()) grow();
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
  for (std::size_t at = hash;; ++at) {
    Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot.number == 0) {
      names_.emplace_back(name);
      extents_.emplace_back();
      slot = {hash, static_cast<std::uint32_t>(names_.size())};
    }
    if (slot.hash == hash && names_[slot.number - 1] == name) return slot.number - 1;
  }
}

void NameTable::grow() {
  std::vector<Slot> larger(std::max<std::size_t>(slots_.size() * 2, 64));
  for (const Slot& slot : slots_) {
    if (slot.number == 0) continue;
    std::size_t at = slot.hash;
    while (larger[at & (larger.size() - 1)].number != 0) ++at;
    larger[at & (larger.size() - 1)] = slot;
  }
  slots_ = std::move(larger);
}

void NameTable::extend(std::uint32_t name, SlotPlace place, std::int64_t extent) {
  SlotExtents& known = extents_[name];
  const auto at = std::ranges::lower_bound(known, place, {}, &SlotExtents::value_type::first);
  if (at == known.end() || at->first != place) {
    known.insert(at, {place, extent});
  } else {
    at->second = std::max(at->second, extent);
  }
}

}  // namespace rulec
