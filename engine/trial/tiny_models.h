// SPDX-License-Identifier: Apache-2.0
// Small models of a pack: sizes that keep its rules, few cells, and no two axes of one length, so that no swap of axes
// goes unseen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/bind/inputs.h"
#include "engine/pack/pack.h"

#include <rulec/diagnostics.h>

namespace rulec {

/// By name.
using Values = std::map<std::string, Value, std::less<>>;

/// A small model.
struct TinyModel {
  Inputs inputs;  ///< borrows the configs of the inputs that it was made from
  Pack pack;
  std::int64_t cells = 0;  ///< of both sides
};

/// Values that a small model had.
struct ProvenSizes {
  Values values;
  std::int64_t cells = 0;
};

/// Finds small models of one pack, and draws on what it found, or did not find, before.
class TinyModels {
 public:
  /// Borrows `rules`.
  explicit TinyModels(const Rules& rules);

  /// Replaces every size that `base` takes from a config by a small one, and gives one to every name that has none;
  /// `fixed` names keep their values. The options are those of `base`, their defaults read from its configs.
  ///
  /// Tries until the pack elaborates; among what does, prefers no equal axes in a tensor unless names are fixed, then
  /// many rules. Deterministic, but for that a model for which nothing was fixed may have the sizes of an earlier one
  /// of as many cells: the same weights, stored otherwise. Nothing if nothing fits, with what was wrong at last
  /// reported; until something does, later calls try less long.
  std::optional<TinyModel> find(const Inputs& base, const Values& fixed, Diagnostics& diags);

 private:
  const Rules& rules_;
  std::vector<ProvenSizes> proven_;
  int draws_;  ///< to try next time
};

/// `scan_layers = true`.
std::string layout_text(const Layout& layout);

}  // namespace rulec
