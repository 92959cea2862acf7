// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/pack/pack.h"

#include <rulec/store.h>

namespace rulec {

/// The tensors of one side, by name, as a checkpoint of floating type `dtype` has them: a `cast` towards the side fixes
/// a type, and what its rules read with integer ops are integers.
std::vector<TensorInfo> stored_tensors(const Pack& pack, SideId side, DType dtype);

/// Random tensors for `side`, of the sizes that weights have: 2^-12 to 4, of both signs, near 1 (norms), a few zeros.
/// Pads are zero and constants what the rules say. What `store` already has is left as it is. Deterministic for a
/// `seed`.
void add_random_tensors(const Pack& pack, SideId side, DType dtype, std::uint64_t seed, MemoryStore& store);

/// Numbers as elements of `dtype`, each rounded once.
std::vector<std::byte> encode(const std::vector<double>& numbers, DType dtype);

}  // namespace rulec
