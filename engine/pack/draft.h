// SPDX-License-Identifier: Apache-2.0
// What the walk over the statements collects: families with their instances, before the lengths of index axes are
// known, since those follow from all rules together.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/axes/pattern.h"
#include "engine/pack/hooks.h"
#include "engine/pack/pack.h"

namespace rulec {

/// Where the index of a slot stands in the stored tensor: the dimension, and within a group its place there. Rules that
/// name one tensor agree on the length of an index axis by these.
using SlotPlace = std::int64_t;

/// The place of every slot of a pattern.
std::vector<SlotPlace> slot_places(const axes::Pattern& pattern);

/// What the instances of a family share: sizes and hooks. Most families have one variant; where a size depends on an
/// index there are several.
struct Variant {
  std::array<std::vector<axes::Pattern>, 2> patterns;         ///< by term
  std::array<std::vector<std::vector<SlotPlace>>, 2> places;  ///< by term and slot
  std::array<bool, 2> is_constant{};
  double constant = 0;
  bool shape_known = true;
  std::vector<HookPipelines> hooks;  ///< by term of the right side
};

/// A tensor that an instance names, as a term or as an argument of a hook.
struct DraftTerm {
  std::uint32_t tensor = 0;     ///< of the side's NameTable
  std::uint32_t positions = 0;  ///< where those of its slots begin in the family's
};

struct DraftInstance {
  std::uint32_t variant = 0;
  std::uint32_t terms = 0;  ///< where they begin in the family's
};

/// A variant whose sizes and hooks read no index: with other indices its tensors have other names and positions, and
/// nothing else differs as long as the brackets of its paths stack along the same axes.
struct SettledVariant {
  struct Term {
    std::vector<std::int64_t> stacked;  ///< axes of the brackets, as the path has them
    std::vector<std::string> indices;   ///< of the shape, by slot; those of the brackets follow
  };
  std::array<std::vector<Term>, 2> terms;
  std::vector<Term> operands;  ///< of all hooks
  std::uint32_t variant = 0;
};

struct DraftFamily {
  Family family;
  std::vector<Variant> variants;
  std::vector<SettledVariant> settled;
  std::map<std::vector<std::int64_t>, std::vector<std::uint32_t>> by_signature;  ///< variants with the same sizes
  std::vector<DraftInstance> instances;
  std::vector<DraftTerm> terms;         ///< of the instances: left, right, then the arguments of the right ones' hooks
  std::vector<std::int64_t> positions;  ///< of the terms

  std::span<const DraftTerm> terms_of(const DraftInstance& instance, SideId side) const;
  std::span<const DraftTerm> operands_of(const DraftInstance& instance, std::size_t right_term) const;

  /// The number of an equal variant, or of this one, added.
  std::uint32_t intern(Variant variant);
};

/// The lengths of a tensor's index axes, ascending by place.
using SlotExtents = std::vector<std::pair<SlotPlace, std::int64_t>>;

/// The names of one side with the lengths of their index axes so far.
class NameTable {
 public:
  /// The number of a name, from 0 in the order in which they came.
  std::uint32_t intern(std::string_view name);
  void extend(std::uint32_t name, SlotPlace place, std::int64_t extent);

  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::string> take_names() { return std::move(names_); }
  const std::vector<SlotExtents>& extents() const { return extents_; }

 private:
  /// A slot of an open hash table: in models of many tensors this is looked up more often than anything else.
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t number = 0;  ///< 0: empty, else one more than the name's
  };
  void grow();

  std::vector<std::string> names_;
  std::vector<SlotExtents> extents_;  // by name
  std::vector<Slot> slots_;           // a power of two, at most half of them taken
};

struct Draft {
  std::vector<DraftFamily> families;
  std::array<NameTable, 2> tables;
  std::vector<IgnoredGlob> ignored;
};

/// Lays every instance out and pairs its pieces. Errors: R0301 to R0304, R0313 to R0315, R0411, R0502.
Result<Pack> assemble(const Rules& rules, Draft draft, Diagnostics& diags);

}  // namespace rulec
