// SPDX-License-Identifier: Apache-2.0
// Weights that load and mean nothing.
#pragma once

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/verify.h>

namespace rulec {

/// Warns of what is odd about the numbers of `store`, by the statistics of its tensors: R0618, R0619, R0620. What the
/// rules of `pack`, if there is one, make so is not odd. Errors: those of the store, which is read for what may be the
/// same.
Status warn_of_oddities(const TensorStore& store, const std::vector<TensorVerdict>& tensors, const Pack* pack,
                        Diagnostics& diags);

}  // namespace rulec
