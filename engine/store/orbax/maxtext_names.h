// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/store/orbax/tree.h"

namespace rulec::orbax {

/// How MaxText stacks layers, as far as names tell.
enum class LayerNames : std::uint8_t { None, Scanned, Unscanned };

/// What rules call the leaves of a checkpoint of MaxText.
struct MaxTextNames {
  std::vector<std::string> names;  ///< one a leaf
  std::vector<bool> is_weight;     ///< one a leaf: not optimizer state, a counter or the state of random numbers
  std::string prefix;              ///< that weights lost: `params.params.`; empty if none did
  LayerNames layers = LayerNames::None;
};

/// Weights are called as MaxText's Linen modules call them, `decoder.layers_0.mlp.wi_0.kernel`, in whichever of its
/// trees they come:
///
/// - they stand under `params`/`params`, `params` or `base`, which they lose, or at the root beside nothing of these,
///   where there is a `decoder` or `token_embedder`;
/// - a decimal key behind one that ends in `layers` (a list of modules) joins it: `layers`, `0` is `layers_0`;
/// - a last key `value` (a parameter of NNX) goes where every array of the weights has it.
///
/// All other leaves, and all leaves of other trees, keep their stored names. So two leaves may come to the same name,
/// which the caller looks after.
MaxTextNames maxtext_names(const Tree& tree);

}  // namespace rulec::orbax
