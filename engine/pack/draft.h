// SPDX-License-Identifier: Apache-2.0
// What the walk over the statements collects: families with their instances, before the lengths of index axes are
// known, since those follow from all rules together.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
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
  std::uint32_t tensor = 0;             ///< of the side's NameTable
  std::vector<std::int64_t> positions;  ///< by slot
};

struct DraftInstance {
  std::uint32_t variant = 0;
  std::vector<std::int64_t> values;
  std::array<std::vector<DraftTerm>, 2> terms;
  std::vector<std::vector<DraftTerm>> operands;  ///< by term of the right side
};

struct DraftFamily {
  Family family;
  std::vector<Variant> variants;
  std::map<std::vector<std::int64_t>, std::vector<std::uint32_t>> by_signature;  ///< variants with the same sizes
  std::vector<DraftInstance> instances;

  /// The number of an equal variant, or of this one, added.
  std::uint32_t intern(Variant variant);
};

/// The names of one side with the lengths of their index axes so far.
struct NameTable {
  std::vector<std::string> names;
  std::vector<std::map<SlotPlace, std::int64_t>> extents;  ///< by name
  std::map<std::string, std::uint32_t, std::less<>> numbers;

  std::uint32_t intern(const std::string& name);
  void extend(std::uint32_t name, SlotPlace place, std::int64_t extent);
};

struct Draft {
  std::vector<DraftFamily> families;
  std::array<NameTable, 2> tables;
  std::vector<IgnoredGlob> ignored;
};

/// Lays every instance out and pairs its pieces. Errors: R0301 to R0304, R0313 to R0315, R0411, R0502.
Result<Pack> assemble(const Rules& rules, Draft draft, Diagnostics& diags);

}  // namespace rulec
