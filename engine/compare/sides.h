// SPDX-License-Identifier: Apache-2.0
// What a checkpoint is, by looking at its catalogue.
#pragma once

#include <optional>

#include "engine/pack/pack.h"

#include <rulec/store.h>

namespace rulec {

/// The side that most of a checkpoint's names are of.
std::optional<SideId> side_of(const Pack& pack, const TensorStore& store);

/// The type of most of its floating tensors.
std::optional<DType> usual_float(const TensorStore& store);

}  // namespace rulec
