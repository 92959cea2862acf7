// SPDX-License-Identifier: Apache-2.0
// The floating formats of 8 bits and less, by table: OCP OFP8 (E4M3, E5M2), OCP MX (E8M0, E2M1), and the variants of
// Graphcore and AMD without infinities and negative zero ("fnuz").
#pragma once

#include <array>
#include <cstdint>

#include <rulec/tensor.h>

namespace rulec {

/// True for the types of this file. The 6-bit types are not among them: nothing here reads them.
bool is_small_float(DType dtype);

/// What each code stands for. F4 uses the first 16.
const std::array<float, 256>& small_float_values(DType dtype);

/// The code nearest to `number`, ties to the even one. What is too large becomes an infinity if the format has one,
/// else a NaN, as ml_dtypes does. E8M0, which has neither signs nor zero, makes NaN of negative numbers and of zero.
std::uint8_t f32_to_small_float(float number, DType dtype);

}  // namespace rulec
