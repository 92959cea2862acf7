// SPDX-License-Identifier: Apache-2.0
// From the draft to the pack: every instance gets its tensors and its pieces.
#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

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
    for (std::size_t f = 0; f < draft_.families.size(); ++f) family(static_cast<std::uint32_t>(f));
    if (diags_.errors() > errors) return diags_.failed();
    drop_unused_tensors();
    pack_.ignored = std::move(draft_.ignored);
    return std::move(pack_);
  }

 private:
  struct TensorState {
    bool is_used = false;
    Span place;  // of the shape, or else the path, that named it first
  };

  void sort_tensors() {
    for (const SideId side : BothSides) {
      const NameTable& table = draft_.tables[number(side)];
      std::vector<std::uint32_t> order(table.names.size());
      std::iota(order.begin(), order.end(), 0U);
      std::ranges::sort(order, {}, [&](std::uint32_t n) -> const std::string& { return table.names[n]; });
      std::vector<std::uint32_t>& ranks = ranks_[number(side)];
      ranks.resize(order.size());
      for (std::uint32_t rank = 0; rank < order.size(); ++rank) {
        ranks[order[rank]] = rank;
        pack_.tensors[number(side)].push_back({table.names[order[rank]], {}, 0, true});
      }
      states_[number(side)].resize(order.size());
    }
  }

  void family(std::uint32_t f) {
    DraftFamily& draft = draft_.families[f];
    std::vector<std::map<IndexExtents, Pairing>> pairings(draft.variants.size());
    std::vector<bool> bad(draft.variants.size());
    for (const DraftInstance& instance : draft.instances) {
      if (bad[instance.variant] || is_full_) continue;
      const Variant& variant = draft.variants[instance.variant];
      const Pairing* pairing = pairing_of(draft.family, variant, instance, pairings[instance.variant]);
      if (pairing == nullptr || !add_instance(f, draft, variant, instance, *pairing)) bad[instance.variant] = true;
    }
    pack_.families.push_back(std::move(draft.family));
  }

  // ---- lengths of index axes ----------------------------------------------------------------------------------------

  std::vector<std::int64_t> extents_of(SideId side, std::uint32_t name, const std::vector<SlotPlace>& places) const {
    std::vector<std::int64_t> extents;
    const auto& known = draft_.tables[number(side)].extents[name];
    for (const SlotPlace place : places) extents.push_back(known.at(place));
    return extents;
  }

  IndexExtents extents_of(const Variant& variant, const DraftInstance& instance) const {
    IndexExtents extents;
    for (const SideId side : BothSides) {
      const auto& terms = instance.terms[number(side)];
      for (std::size_t t = 0; t < terms.size(); ++t) {
        extents.terms[number(side)].push_back(extents_of(side, terms[t].tensor, variant.places[number(side)][t]));
      }
    }
    for (std::size_t t = 0; t < variant.hooks.size(); ++t) {
      auto& operands = extents.operands.emplace_back();
      for (std::size_t o = 0; o < variant.hooks[t].operands.size(); ++o) {
        const axes::Pattern& pattern = variant.hooks[t].operands[o].shape.pattern;
        operands.push_back(extents_of(SideId::Right, instance.operands[t][o].tensor, slot_places(pattern)));
      }
    }
    return extents;
  }

  const Pairing* pairing_of(const Family& family, const Variant& variant, const DraftInstance& instance,
                            std::map<IndexExtents, Pairing>& known) {
    IndexExtents extents = extents_of(variant, instance);
    const auto at = known.find(extents);
    if (at != known.end()) return &at->second;
    Result<Pairing> pairing = pair_sides(family, variant, extents, pack_, diags_);
    if (!pairing) return nullptr;
    return &known.emplace(std::move(extents), *std::move(pairing)).first->second;
  }

  // ---- instances ----------------------------------------------------------------------------------------------------

  bool add_instance(std::uint32_t f, DraftFamily& draft, const Variant& variant, const DraftInstance& from,
                    const Pairing& pairing) {
    if (pack_.pieces.size() + pairing.copies.size() + pairing.one_sided.size() > MaxPieces) {
      if (!std::exchange(is_full_, true))
        report(diags_, draft.family.span, diag::TooManyIndices, "the rules make too many pieces", MaxPieces);
      return false;
    }
    if (!name_tensors(f, draft.family, variant, from, pairing)) return false;
    Instance instance{from.values, {}};
    for (const SideId side : BothSides) {
      for (const DraftTerm& term : from.terms[number(side)])
        instance.tensors[number(side)].push_back(ranks_[number(side)][term.tensor]);
    }
    const auto number_of_instance = static_cast<std::uint32_t>(draft.family.instances.size());
    for (const Pairing::Copy& copy : pairing.copies) {
      Piece piece{PieceKind::Copy, f, number_of_instance, copy.form, {}, {}, 0, operands(copy, from, pairing)};
      place(piece, SideId::Left, copy.left, from, pairing);
      place(piece, SideId::Right, copy.right, from, pairing);
      pack_.pieces.push_back(std::move(piece));
    }
    for (const Pairing::OneSided& one : pairing.one_sided) {
      const double constant = one.kind == PieceKind::Constant ? variant.constant : 0;
      Piece piece{one.kind, f, number_of_instance, one.form, {-1, -1}, {}, constant, {}};
      place(piece, one.side, one.at, from, pairing);
      pack_.pieces.push_back(std::move(piece));
    }
    draft.family.instances.push_back(std::move(instance));
    return true;
  }

  static std::int64_t offset_of(const axes::Monomial& monomial, const DraftTerm& term) {
    std::int64_t offset = monomial.offset;
    for (const axes::IndexStride& index : monomial.indices) offset += term.positions[index.slot] * index.stride;
    return offset;
  }

  void place(Piece& piece, SideId side, MonomialRef at, const DraftInstance& from, const Pairing& pairing) const {
    const DraftTerm& term = from.terms[number(side)][at.term];
    piece.tensor[number(side)] = static_cast<std::int32_t>(ranks_[number(side)][term.tensor]);
    piece.offset[number(side)] = offset_of(pairing.monomial(side, at), term);
  }

  std::vector<PieceOperand> operands(const Pairing::Copy& copy, const DraftInstance& from,
                                     const Pairing& pairing) const {
    std::vector<PieceOperand> result;
    for (std::size_t o = 0; o < copy.operands.size(); ++o) {
      const DraftTerm& term = from.operands[copy.right.term][o];
      const Pairing::Operand& operand = copy.operands[o];
      const axes::Monomial& monomial = pairing.operands[copy.right.term][o].monomials[operand.monomial];
      result.push_back({ranks_[number(SideId::Right)][term.tensor], offset_of(monomial, term), operand.axes});
    }
    return result;
  }

  // ---- tensors ------------------------------------------------------------------------------------------------------

  /// All tensors of an instance, those too that its hooks read.
  bool name_tensors(std::uint32_t f, const Family& family, const Variant& variant, const DraftInstance& from,
                    const Pairing& pairing) {
    for (const SideId side : BothSides) {
      for (std::size_t t = 0; t < from.terms[number(side)].size(); ++t) {
        const TermPlace& place = family.terms[number(side)][t];
        if (!name_tensor(side, from.terms[number(side)][t], f, place.shape.value_or(place.path),
                         pairing.terms[number(side)][t].shape, variant.shape_known))
          return false;
      }
    }
    for (std::size_t t = 0; t < from.operands.size(); ++t) {
      for (std::size_t o = 0; o < from.operands[t].size(); ++o) {
        if (!name_tensor(SideId::Right, from.operands[t][o], f, variant.hooks[t].operands[o].shape_span,
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
      std::vector<Tensor>& tensors = pack_.tensors[number(side)];
      std::vector<std::uint32_t> moved(tensors.size());
      std::vector<Tensor> kept;
      for (std::size_t t = 0; t < tensors.size(); ++t) {
        moved[t] = static_cast<std::uint32_t>(kept.size());
        if (states_[number(side)][t].is_used) kept.push_back(std::move(tensors[t]));
      }
      const bool is_same = kept.size() == tensors.size();
      tensors = std::move(kept);
      if (!is_same) renumber(side, moved);
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
      for (Instance& instance : family.instances) {
        for (std::uint32_t& tensor : instance.tensors[number(side)]) tensor = moved[tensor];
      }
    }
  }

  Draft draft_;
  Diagnostics& diags_;
  Pack pack_;
  std::array<std::vector<std::uint32_t>, 2> ranks_;  // places among the sorted names, by number of the NameTable
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

Span Pack::place(SideId side, std::size_t tensor) const {
  const Family& rule = families[tensors[number(side)][tensor].family];
  for (const Instance& instance : rule.instances) {
    const auto& terms = instance.tensors[number(side)];
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
