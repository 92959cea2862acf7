// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/small_floats.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "grammar/internal_error.h"

namespace rulec {
namespace {

/// A format with a sign bit, exponent bits and mantissa bits, in this order. Codes are without the sign bit.
struct Format {
  DType dtype;
  int exponent_bits;
  int mantissa_bits;
  int bias;
  int largest;   // the largest finite code
  int overflow;  // what infinities and larger numbers become
  int nan;
  bool has_negative_zero;
};

// In the fnuz formats the code of the negative zero is the NaN, the only one. F4 has neither NaN nor infinity.
constexpr std::array Formats{
    Format{DType::F8E5M2, 5, 2, 15, 0x7B, 0x7C, 0x7E, true},
    Format{DType::F8E4M3, 4, 3, 7, 0x7E, 0x7F, 0x7F, true},
    Format{DType::F8E5M2Fnuz, 5, 2, 16, 0x7F, 0x80, 0x80, false},
    Format{DType::F8E4M3Fnuz, 4, 3, 8, 0x7F, 0x80, 0x80, false},
    Format{DType::F4, 2, 1, 1, 0x7, 0x7, 0x7, true},
};

constexpr float power_of_two(int exponent) {
  float power = 1;
  for (; exponent > 0; --exponent) power *= 2;
  for (; exponent < 0; ++exponent) power /= 2;
  return power;
}

using Values = std::array<float, 256>;

constexpr Values values_of(const Format& format) {
  Values values{};
  const int sign_bit = 1 << (format.exponent_bits + format.mantissa_bits);
  for (int code = 0; code < sign_bit; ++code) {
    const int exponent = code >> format.mantissa_bits;
    const int mantissa = code - (exponent << format.mantissa_bits) + (exponent == 0 ? 0 : 1 << format.mantissa_bits);
    float value =
        static_cast<float>(mantissa) * power_of_two(std::max(exponent, 1) - format.bias - format.mantissa_bits);
    if (code > format.largest) value = std::numeric_limits<float>::quiet_NaN();
    if (code == format.overflow && format.overflow != format.nan) value = std::numeric_limits<float>::infinity();
    values[static_cast<std::size_t>(code)] = value;
    values[static_cast<std::size_t>(code + sign_bit)] = -value;
  }
  if (!format.has_negative_zero) values[static_cast<std::size_t>(format.nan)] = std::numeric_limits<float>::quiet_NaN();
  return values;
}

constexpr std::array<Values, Formats.size()> FormatValues = [] {
  std::array<Values, Formats.size()> all{};
  for (std::size_t i = 0; i < Formats.size(); ++i) all[i] = values_of(Formats[i]);
  return all;
}();

/// 2^-127 to 2^127, and a NaN.
constexpr Values E8M0Values = [] {
  Values values{};
  for (int code = 0; code < 255; ++code) values[static_cast<std::size_t>(code)] = power_of_two(code - 127);
  values[255] = std::numeric_limits<float>::quiet_NaN();
  return values;
}();

/// The exponent of a positive float is all there is to keep; halfway the larger power wins, the smallest one takes what
/// is below.
std::uint8_t f32_to_e8m0(float number) {
  if (!(number > 0)) return 255;
  const auto bits = std::bit_cast<std::uint32_t>(number);
  if (bits < 0x00800000) return bits >= 0x00600000 ? 1 : 0;
  return static_cast<std::uint8_t>((bits + 0x00400000) >> 23);
}

const Format* find_format(DType dtype) {
  const auto* const found = std::ranges::find(Formats, dtype, &Format::dtype);
  return found == Formats.end() ? nullptr : found;
}

}  // namespace

bool is_small_float(DType dtype) {
  return dtype == DType::F8E8M0 || find_format(dtype) != nullptr;
}

const Values& small_float_values(DType dtype) {
  if (dtype == DType::F8E8M0) return E8M0Values;
  const Format* const format = find_format(dtype);
  RULEC_ASSERT(format != nullptr);
  return FormatValues[static_cast<std::size_t>(format - Formats.data())];
}

std::uint8_t f32_to_small_float(float number, DType dtype) {
  if (dtype == DType::F8E8M0) return f32_to_e8m0(number);
  const Format* const format = find_format(dtype);
  RULEC_ASSERT(format != nullptr);
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const std::uint32_t magnitude = bits & 0x7FFFFFFF;
  int code = format->nan;
  if (magnitude < 0x7F800000) {
    // Subnormals share the exponent of the smallest normal number; a mantissa rounded up to the next power carries by
    // itself.
    const int exponent = std::max(static_cast<int>(magnitude >> 23) - 127, 1 - format->bias);
    const double mantissa = std::ldexp(static_cast<double>(std::fabs(number)), format->mantissa_bits - exponent);
    code = ((exponent + format->bias - 1) << format->mantissa_bits) + static_cast<int>(std::nearbyint(mantissa));
    if (code > format->largest) code = format->overflow;
  } else if (magnitude == 0x7F800000) {
    code = format->overflow;
  }
  if (!format->has_negative_zero && (code == 0 || code == format->nan)) return static_cast<std::uint8_t>(code);
  const std::uint32_t sign = (bits >> 31) << (format->exponent_bits + format->mantissa_bits);
  return static_cast<std::uint8_t>(static_cast<std::uint32_t>(code) | sign);
}

}  // namespace rulec
