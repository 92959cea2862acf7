// SPDX-License-Identifier: Apache-2.0
// The floating formats, bit by bit. Everything rounds to the nearest, ties to even, and keeps subnormals and signs of
// zero; nothing depends on the machine's own conversions, which differ in NaNs and subnormals.
//
// No branches: the loops around these functions are to become vector code.
#pragma once

#include <bit>
#include <cstdint>

namespace rulec {

/// All bits one where the claim holds: what a vector comparison gives.
inline std::uint32_t mask_if(bool claim) {
  return -static_cast<std::uint32_t>(claim);
}

/// bfloat16 is the upper half of a float: a shift, NaN payloads included.
inline float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Rounded as Eigen and ml_dtypes do: a NaN becomes the quiet NaN of its sign, 0x7FC0 or 0xFFC0.
inline std::uint16_t f32_to_bf16(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  const std::uint32_t quiet = ((bits >> 16) & 0x8000) | 0x7FC0;
  const std::uint32_t is_nan = mask_if(static_cast<std::int32_t>(bits & 0x7FFFFFFF) > 0x7F800000);
  return static_cast<std::uint16_t>((rounded & ~is_nan) | (quiet & is_nan));
}

/// IEEE 754 binary16; NaN payloads are kept.
inline float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7FFF) << 13;
  const std::uint32_t exponent = magnitude & 0x0F800000;
  // The exponent's bias moves from 15 to 127, and from 31 to 255 for infinities and NaNs.
  const std::uint32_t moved = magnitude + (112U << 23) + ((112U << 23) & mask_if(exponent == 0x0F800000));
  // A subnormal is what its bits say above 2^-14, less 2^-14: exact.
  const float subnormal = std::bit_cast<float>(moved + (1U << 23)) - std::bit_cast<float>(113U << 23);
  const std::uint32_t is_subnormal = mask_if(exponent == 0);
  return std::bit_cast<float>((moved & ~is_subnormal) | (std::bit_cast<std::uint32_t>(subnormal) & is_subnormal) |
                              sign);
}

/// What is too large becomes an infinity; a NaN becomes the quiet NaN of its sign, 0x7E00 or 0xFE00.
inline std::uint16_t f32_to_f16(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t sign = (bits >> 16) & 0x8000;
  const auto magnitude = static_cast<std::int32_t>(bits & 0x7FFFFFFF);
  const auto unsigned_magnitude = static_cast<std::uint32_t>(magnitude);
  const std::uint32_t normal = (unsigned_magnitude - (112U << 23) + 0xFFF + ((unsigned_magnitude >> 13) & 1)) >> 13;
  // Adding 2^-1 puts the last bit of a subnormal half where a float has its own: the addition rounds.
  const float shifted = std::bit_cast<float>(unsigned_magnitude) + 0.5F;
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F);
  const std::uint32_t is_subnormal = mask_if(magnitude < (113 << 23));
  const std::uint32_t is_large = mask_if(magnitude >= (143 << 23));
  const std::uint32_t large = 0x7C00 | (0x0200 & mask_if(magnitude > 0x7F800000));
  const std::uint32_t finite = (subnormal & is_subnormal) | (normal & ~is_subnormal);
  return static_cast<std::uint16_t>((finite & ~is_large) | (large & is_large) | sign);
}

/// A float next to `number`, itself if it is one, else the one of the two neighbours whose last bit is one. Rounding
/// that to a narrower type gives what rounding `number` to it would: two roundings in a row are otherwise not one.
inline float to_odd_f32(double number) {
  const auto nearest = static_cast<float>(number);
  const auto widened = static_cast<double>(nearest);
  if (widened == number || number != number) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  const bool rounded_up = number < 0 ? widened < number : widened > number;
  if (rounded_up) --bits;
  return std::bit_cast<float>(bits | 1);
}

/// The same from integers: exact below 2^53, with an odd last bit above where bits are lost.
inline double to_odd_f64(std::uint64_t number) {
  constexpr std::uint64_t Below = (1U << 11) - 1;  // what 64 bits have more than 53
  if (number >> 53 == 0) return static_cast<double>(number);
  const std::uint64_t lost = (number & Below) == 0 ? 0 : Below + 1;
  return static_cast<double>((number & ~Below) | lost);
}

inline double to_odd_f64(std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  return number < 0 ? -to_odd_f64(0 - bits) : to_odd_f64(bits);
}

}  // namespace rulec
