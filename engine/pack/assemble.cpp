// SPDX-License-Identifier: Apache-2.0
// From the draft to the pack: every instance gets its tensors and its pieces.
#include <algorithm>
#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/pack/draft.h"
#include "engine/pack/pairing.h"
#include "engine/tensor/name_sets.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

using axes::MonomialRef;

/// No model has so many; a piece takes a hundred bytes.
constexpr std::size_t MaxPieces = 8'000'000;

class Assembler {
 public:
  Assembler(const Rules& rules, Draft draft, Diagnostics& diags) : draft_(std::move(draft)), diags_(diags) {
    pack_.rules = &rules;
  }

  Result<Pack> assemble() {
    const std::size_t errors = diags_.errors();
    sort_tensors();
    number_extents();
    for (std::size_t f = 0; f < draft_.families.size(); ++f) family(static_cast<std::uint32_t>(f));
    if (diags_.errors() > errors) return diags_.failed();
    drop_unused_tensors();
    pack_.ignored = std::move(draft_.ignored);
    return std::move(pack_);
  }

 private:
  /// What instances of a variant share whose tensors have the same lengths along their index axes: by the numbers of
  /// those lengths, for each term and then each tensor argument.
  using Pairings = std::map<std::vector<std::uint32_t>, Pairing>;

  struct TensorState {
    bool is_used = false;
    Span place;  // of the shape, or else the path, that named it first
  };

  void sort_tensors() {
    for (const SideId side : BothSides) {
      std::vector<std::string> names = draft_.tables[number(side)].take_names();
      std::vector<std::pair<std::string_view, std::uint32_t>> order;
      order.reserve(names.size());
      for (const std::string& name : names) order.emplace_back(name, static_cast<std::uint32_t>(order.size()));
      std::ranges::sort(order);
      std::vector<std::uint32_t>& ranks = ranks_[number(side)];
      ranks.resize(order.size());
      pack_.tensors[number(side)].reserve(order.size());
      for (std::uint32_t rank = 0; rank < order.size(); ++rank) {
        ranks[order[rank].second] = rank;
        pack_.tensors[number(side)].push_back({std::move(names[order[rank].second]), {}, 0, true});
      }
      states_[number(side)].resize(order.size());
    }
  }

  /// Numbers the lengths that tensors have along their index axes: most share them with many.
  void number_extents() {
    for (const SideId side : BothSides) {
      std::map<SlotExtents, std::uint32_t> numbers;
      for (const SlotExtents& extents : draft_.tables[number(side)].extents()) {
        const auto known = numbers.try_emplace(extents, static_cast<std::uint32_t>(numbers.size())).first;
        extents_[number(side)].push_back(known->second);
      }
    }
  }

  void family(std::uint32_t f) {
    DraftFamily& draft = draft_.families[f];
    std::vector<Pairings> pairings(draft.variants.size());
    std::vector<bool> bad(draft.variants.size());
    draft.family.tensors.reserve(draft.instances.size() *
                                 (draft.family.terms[0].size() + draft.family.terms[1].size()));
    for (const DraftInstance& instance : draft.instances) {
      if (bad[instance.variant] || is_full_) continue;
      const Variant& variant = draft.variants[instance.variant];
      const Pairing* pairing = pairing_of(draft, variant, instance, pairings[instance.variant]);
      if (pairing == nullptr || !add_instance(f, draft, variant, instance, *pairing)) bad[instance.variant] = true;
    }
    pack_.families.push_back(std::move(draft.family));
  }

  // ---- lengths of index axes ----------------------------------------------------------------------------------------

  std::vector<std::int64_t> extents_of(SideId side, std::uint32_t name, const std::vector<SlotPlace>& places) const {
    std::vector<std::int64_t> extents;
    const SlotExtents& known = draft_.tables[number(side)].extents()[name];
    for (const SlotPlace place : places)
      extents.push_back(std::ranges::lower_bound(known, place, {}, &SlotExtents::value_type::first)->second);
    return extents;
  }

  IndexExtents extents_of(const DraftFamily& draft, const Variant& variant, const DraftInstance& instance) const {
    IndexExtents extents;
    for (const SideId side : BothSides) {
      const std::span<const DraftTerm> terms = draft.terms_of(instance, side);
      for (std::size_t t = 0; t < terms.size(); ++t) {
        extents.terms[number(side)].push_back(extents_of(side, terms[t].tensor, variant.places[number(side)][t]));
      }
    }
    for (std::size_t t = 0; t < variant.hooks.size(); ++t) {
      auto& operands = extents.operands.emplace_back();
      for (std::size_t o = 0; o < variant.hooks[t].operands.size(); ++o) {
        const axes::Pattern& pattern = variant.hooks[t].operands[o].shape.pattern;
        operands.push_back(extents_of(SideId::Right, draft.operands_of(instance, t)[o].tensor, slot_places(pattern)));
      }
    }
    return extents;
  }

  const Pairing* pairing_of(const DraftFamily& draft, const Variant& variant, const DraftInstance& instance,
                            Pairings& known) {
    key_.clear();
    for (const SideId side : BothSides) {
      for (const DraftTerm& term : draft.terms_of(instance, side)) key_.push_back(extents_[number(side)][term.tensor]);
    }
    for (std::size_t t = 0; t < variant.hooks.size(); ++t) {
      for (const DraftTerm& term : draft.operands_of(instance, t))
        key_.push_back(extents_[number(SideId::Right)][term.tensor]);
    }
    const auto at = known.find(key_);
    if (at != known.end()) return &at->second;
    Result<Pairing> pairing = pair_sides(draft.family, variant, extents_of(draft, variant, instance), pack_, diags_);
    if (!pairing) return nullptr;
    return &known.emplace(key_, *std::move(pairing)).first->second;
  }

  // ---- instances ----------------------------------------------------------------------------------------------------

  bool add_instance(std::uint32_t f, DraftFamily& draft, const Variant& variant, const DraftInstance& from,
                    const Pairing& pairing) {
    if (pack_.pieces.size() + pairing.copies.size() + pairing.one_sided.size() > MaxPieces) {
      if (!std::exchange(is_full_, true))
        report(diags_, draft.family.span, diag::TooManyIndices, "the rules make too many pieces", MaxPieces);
      return false;
    }
    if (!name_tensors(f, draft, variant, from, pairing)) return false;
    const auto number_of_instance = static_cast<std::uint32_t>(draft.family.instances());
    for (const SideId side : BothSides) {
      for (const DraftTerm& term : draft.terms_of(from, side))
        draft.family.tensors.push_back(ranks_[number(side)][term.tensor]);
    }
    for (const Pairing::Copy& copy : pairing.copies) {
      Piece piece{PieceKind::Copy, f, number_of_instance, copy.form, {}, {}, 0, operands(copy, draft, from, pairing)};
      place(piece, SideId::Left, copy.left, draft, from, pairing);
      place(piece, SideId::Right, copy.right, draft, from, pairing);
      for (const SideId side : BothSides) piece.offset[number(side)] += copy.offset[number(side)];
      pack_.pieces.push_back(std::move(piece));
    }
    for (const Pairing::OneSided& one : pairing.one_sided) {
      const double constant = one.kind == PieceKind::Constant ? variant.constant : 0;
      Piece piece{one.kind, f, number_of_instance, one.form, {-1, -1}, {}, constant, {}};
      place(piece, one.side, one.at, draft, from, pairing);
      pack_.pieces.push_back(std::move(piece));
    }
    return true;
  }

  static std::int64_t offset_of(const axes::Monomial& monomial, const DraftFamily& draft, const DraftTerm& term) {
    std::int64_t offset = monomial.offset;
    const auto add = [&](const axes::IndexStride& index, std::int64_t stride) {
      offset += draft.positions[term.positions + index.slot] * stride;
    };
    for (const axes::IndexStride& index : monomial.indices) add(index, index.stride);
    for (const axes::BlockedGroup& group : monomial.blocked) {
      for (const axes::IndexStride& index : group.indices) add(index, index.stride / group.block * group.stride);
    }
    return offset;
  }

  void place(Piece& piece, SideId side, MonomialRef at, const DraftFamily& draft, const DraftInstance& from,
             const Pairing& pairing) const {
    const DraftTerm& term = draft.terms_of(from, side)[at.term];
    piece.tensor[number(side)] = static_cast<std::int32_t>(ranks_[number(side)][term.tensor]);
    piece.offset[number(side)] = offset_of(pairing.monomial(side, at), draft, term);
  }

  std::vector<PieceOperand> operands(const Pairing::Copy& copy, const DraftFamily& draft, const DraftInstance& from,
                                     const Pairing& pairing) const {
    std::vector<PieceOperand> result;
    for (std::size_t o = 0; o < copy.operands.size(); ++o) {
      const DraftTerm& term = draft.operands_of(from, copy.right.term)[o];
      const Pairing::Operand& operand = copy.operands[o];
      const axes::Monomial& monomial = pairing.operands[copy.right.term][o].monomials[operand.monomial];
      result.push_back({ranks_[number(SideId::Right)][term.tensor], offset_of(monomial, draft, term) + operand.offset,
                        operand.axes});
    }
    return result;
  }

  // ---- tensors ------------------------------------------------------------------------------------------------------

  /// All tensors of an instance, those too that its hooks read.
  bool name_tensors(std::uint32_t f, const DraftFamily& draft, const Variant& variant, const DraftInstance& from,
                    const Pairing& pairing) {
    for (const SideId side : BothSides) {
      const std::span<const DraftTerm> terms = draft.terms_of(from, side);
      for (std::size_t t = 0; t < terms.size(); ++t) {
        const TermPlace& place = draft.family.terms[number(side)][t];
        if (!name_tensor(side, terms[t], f, place.shape.value_or(place.path), pairing.terms[number(side)][t].shape,
                         variant.shape_known))
          return false;
      }
    }
    for (std::size_t t = 0; t < variant.hooks.size(); ++t) {
      const std::span<const DraftTerm> operands = draft.operands_of(from, t);
      for (std::size_t o = 0; o < operands.size(); ++o) {
        if (!name_tensor(SideId::Right, operands[o], f, variant.hooks[t].operands[o].shape_span,
                         pairing.operands[t][o].shape, true))
          return false;
      }
    }
    return true;
  }

  bool name_tensor(SideId side, const DraftTerm& term, std::size_t family, Span place, const Shape& shape,
                   bool shape_known) {
    const std::uint32_t rank = ranks_[number(side)][term.tensor];
    Tensor& tensor = pack_.tensors[number(side)][rank];
    TensorState& state = states_[number(side)][rank];
    if (!state.is_used) {
      state = {true, place};
      tensor.shape = shape;
      tensor.family = family;
      tensor.shape_known = shape_known;
      return true;
    }
    if (shape_known != tensor.shape_known) {
      report(diags_, shape_known ? state.place : place, diag::ShapeMissing, tensor.name)
          .also(shape_known ? place : state.place, "has a shape here")
          .note("every rule that names a tensor gives its whole shape, or none does");
      return false;
    }
    if (!shape_known || tensor.shape == shape) return true;
    report(diags_, place, diag::ShapesDisagree, tensor.name, to_string(tensor.shape), to_string(shape))
        .label(to_string(shape))
        .also(state.place, to_string(tensor.shape))
        .note("every rule that names a tensor gives its whole shape");
    return false;
  }

  /// Names that only what guards leave out has.
  void drop_unused_tensors() {
    for (const SideId side : BothSides) {
      if (std::ranges::all_of(states_[number(side)], &TensorState::is_used)) continue;
      std::vector<Tensor>& tensors = pack_.tensors[number(side)];
      std::vector<std::uint32_t> moved(tensors.size());
      std::vector<Tensor> kept;
      for (std::size_t t = 0; t < tensors.size(); ++t) {
        moved[t] = static_cast<std::uint32_t>(kept.size());
        if (states_[number(side)][t].is_used) kept.push_back(std::move(tensors[t]));
      }
      tensors = std::move(kept);
      renumber(side, moved);
    }
  }

  void renumber(SideId side, const std::vector<std::uint32_t>& moved) {
    for (Piece& piece : pack_.pieces) {
      std::int32_t& tensor = piece.tensor[number(side)];
      if (tensor >= 0) tensor = static_cast<std::int32_t>(moved[static_cast<std::size_t>(tensor)]);
      if (side == SideId::Left) continue;
      for (PieceOperand& operand : piece.operands) operand.tensor = moved[operand.tensor];
    }
    for (Family& family : pack_.families) {
      const std::size_t left = family.terms[0].size();
      const std::size_t terms = left + family.terms[1].size();
      for (std::size_t i = 0; i < family.tensors.size(); ++i) {
        if ((i % terms < left) == (side == SideId::Left)) family.tensors[i] = moved[family.tensors[i]];
      }
    }
  }

  Draft draft_;
  Diagnostics& diags_;
  Pack pack_;
  std::array<std::vector<std::uint32_t>, 2> ranks_;    // places among the sorted names, by number of the NameTable
  std::array<std::vector<std::uint32_t>, 2> extents_;  // numbers of them, by number of the NameTable
  std::vector<std::uint32_t> key_;                     // of Pairings
  std::array<std::vector<TensorState>, 2> states_;
  bool is_full_ = false;
};

}  // namespace

std::string FamilyIndex::text(std::int64_t value) const {
  const auto label = std::ranges::find(labels, value, &std::pair<std::int64_t, std::string>::first);
  return label == labels.end() ? std::to_string(value) : label->second;
}

std::optional<std::size_t> Pack::find(SideId side, std::string_view name) const {
  const std::vector<Tensor>& list = tensors[number(side)];
  const auto found = std::ranges::lower_bound(list, name, {}, &Tensor::name);
  if (found == list.end() || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - list.begin());
}

std::vector<std::optional<std::size_t>> Pack::find_all(SideId side, std::span<const TensorInfo> catalogue) const {
  std::vector<std::optional<std::size_t>> places;
  places.reserve(catalogue.size());
  const std::vector<Tensor>& list = tensors[number(side)];
  auto at = list.begin();
  for (const TensorInfo& info : catalogue) {
    auto order = std::strong_ordering::less;
    while (at != list.end() && (order = at->name <=> info.name) < 0) ++at;
    const bool is_found = at != list.end() && order == 0;
    places.push_back(is_found ? std::optional(static_cast<std::size_t>(at - list.begin())) : std::nullopt);
  }
  return places;
}

Span Pack::place(SideId side, std::size_t tensor) const {
  const Family& rule = families[tensors[number(side)][tensor].family];
  for (std::size_t i = 0; i < rule.instances(); ++i) {
    const std::span<const std::uint32_t> terms = rule.tensors_of(i, side);
    const auto term = std::ranges::find(terms, static_cast<std::uint32_t>(tensor));
    if (term != terms.end()) return rule.terms[number(side)][static_cast<std::size_t>(term - terms.begin())].path;
  }
  return rule.span;
}

bool Pack::ignores(SideId side, std::string_view name) const {
  return std::ranges::any_of(
      ignored, [&](const IgnoredGlob& glob) { return glob.side == side && glob_matches(glob.glob, name); });
}

Result<Pack> assemble(const Rules& rules, Draft draft, Diagnostics& diags) {
  return Assembler(rules, std::move(draft), diags).assemble();
}

}  // namespace rulec
