// SPDX-License-Identifier: Apache-2.0
// Small models of a pack: sizes that keep its rules, few cells, and no two axes of one length, so that no swap of axes
// goes unseen.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/bind/inputs.h"
#include "engine/pack/pack.h"

#include <rulec/diagnostics.h>

namespace rulec {

/// A small model.
struct TinyModel {
  Inputs inputs;  ///< borrows the configs of the inputs that it was made from
  Pack pack;
};

/// Replaces every size that `base` takes from a config by a small one, and gives one to every name that has none;
/// `fixed` names keep their values. The options are those of `base`, their defaults read from its configs.
///
/// Tries until the pack elaborates; among what does, prefers no equal axes in a tensor. Deterministic. Nothing if
/// nothing fits, with what was wrong at last reported.
std::optional<TinyModel> tiny_model(const Rules& rules, const Inputs& base,
                                    const std::map<std::string, Value, std::less<>>& fixed, Diagnostics& diags);

/// `scan_layers = true`.
std::string layout_text(const Layout& layout);

}  // namespace rulec
