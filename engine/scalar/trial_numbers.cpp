// SPDX-License-Identifier: Apache-2.0
#include "engine/scalar/trial_numbers.h"

#include <algorithm>
#include <cstring>
#include <ranges>
#include <span>

#include "engine/tensor/numbers.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

using Magnitudes = std::vector<std::uint64_t>;

/// Mantissas worth a try: both ends and the middle, and `between` more.
Magnitudes mantissas(int mantissa_bits, std::uint64_t between) {
  const std::uint64_t end = std::uint64_t{1} << mantissa_bits;
  Magnitudes list;
  for (std::uint64_t near = 0; near < 4; ++near) {
    list.insert(list.end(), {near, end / 2 - near - 1, end / 2 + near, end - near - 1});
  }
  // Multiples of the golden section spread evenly, however many they are, and end in all kinds of bits.
  constexpr std::uint64_t GoldenSection = 0x9E3779B97F4A7C15;
  for (std::uint64_t i = 1; i <= between; ++i) list.push_back((i * GoldenSection) >> (64 - mantissa_bits));
  std::ranges::sort(list);
  list.erase(std::ranges::unique(list).begin(), list.end());
  return list;
}

Magnitudes all_magnitudes(std::uint64_t end) {
  Magnitudes list(end);
  for (std::uint64_t magnitude = 0; magnitude < end; ++magnitude) list[magnitude] = magnitude;
  return list;
}

Magnitudes float_samples(const NumberBits& type) {
  const std::uint64_t exponents = type.finite >> type.mantissa_bits;
  const std::uint64_t bias = exponents / 2;
  const Magnitudes few = mantissas(type.mantissa_bits, 8);
  const Magnitudes many = mantissas(type.mantissa_bits, 1024);
  Magnitudes list;
  for (std::uint64_t exponent = 0; exponent < exponents; ++exponent) {
    const bool is_weight = exponent + 16 >= bias && exponent <= bias + 2;
    for (const std::uint64_t mantissa : is_weight ? many : few)
      list.push_back((exponent << type.mantissa_bits) | mantissa);
  }
  return list;
}

Magnitudes integer_samples(const NumberBits& type) {
  Magnitudes list{0};
  for (int power = 0; power < type.mantissa_bits; ++power) {
    const std::uint64_t first = std::uint64_t{1} << power;
    const std::uint64_t steps = std::min<std::uint64_t>(first, 256);
    for (std::uint64_t step = 0; step < steps; ++step) list.push_back(first + step * (first / steps));
    if (first > steps) list.push_back(2 * first - 1);
  }
  return list;
}

}  // namespace

NumberBits number_bits(DType dtype) {
  const std::uint64_t all = ~std::uint64_t{0} >> (64 - bits(dtype));
  const std::uint64_t top = all - all / 2;
  switch (dtype) {
    case DType::Bf16:
      return {true, 7, top, top, 0x7F80};
    case DType::F16:
      return {true, 10, top, top, 0x7C00};
    case DType::F32:
      return {true, 23, top, top, 0x7F800000};
    case DType::F64:
      return {true, 52, top, top, 0x7FF0000000000000};
    case DType::F8E4M3:
      return {true, 3, top, top, 0x7F};
    case DType::F8E5M2:
      return {true, 2, top, top, 0x7C};
    case DType::F8E4M3Fnuz:
      return {true, 3, top, top, 0x80};
    case DType::F8E5M2Fnuz:
      return {true, 2, top, top, 0x80};
    case DType::F8E8M0:
      return {true, 0, 0, 0, 0xFF};
    case DType::Bool:
      return {false, 1, 0, 0, 2};
    case DType::I8:
    case DType::I16:
    case DType::I32:
    case DType::I64:
      return {false, bits(dtype) - 1, top, all, top};
    default:
      return {false, bits(dtype), 0, 0, all};
  }
}

TrialNumbers trial_numbers(DType dtype) {
  RULEC_ASSERT(is_writable(dtype));
  const NumberBits type = number_bits(dtype);
  TrialNumbers trial{dtype, bits(dtype) <= 16, type.opposite == 0 ? 1U : 2U, {}};
  const bool ends_in_all = !type.is_float && type.sign == 0 && dtype != DType::Bool;
  const Magnitudes magnitudes = trial.is_complete ? all_magnitudes(type.finite + (ends_in_all ? 1 : 0))
                                : type.is_float   ? float_samples(type)
                                                  : integer_samples(type);
  trial.bits.reserve(magnitudes.size() * trial.per_magnitude);
  const bool has_negative_zero = dtype != DType::F8E4M3Fnuz && dtype != DType::F8E5M2Fnuz;
  for (const std::uint64_t magnitude : magnitudes) {
    trial.bits.push_back(magnitude);
    if (type.opposite == 0) continue;
    trial.bits.push_back(magnitude == 0 && !has_negative_zero ? 0 : magnitude ^ type.opposite);
  }
  return trial;
}

double TrialNumbers::magnitude(std::size_t index) const {
  return number_of(dtype, bits[index * per_magnitude]);
}

std::size_t TrialNumbers::lower_bound(double value) const {
  const auto indices = std::views::iota(std::size_t{0}, magnitudes());
  return static_cast<std::size_t>(
      std::ranges::partition_point(indices, [&](std::size_t i) { return magnitude(i) < value; }) - indices.begin());
}

std::size_t TrialNumbers::upper_bound(double value) const {
  const auto indices = std::views::iota(std::size_t{0}, magnitudes());
  return static_cast<std::size_t>(
      std::ranges::partition_point(indices, [&](std::size_t i) { return magnitude(i) <= value; }) - indices.begin());
}

double number_of(DType dtype, std::uint64_t bits) {
  return to_double(dtype, std::as_bytes(std::span(&bits, 1)).first(static_cast<std::size_t>(rulec::bits(dtype)) / 8));
}

}  // namespace rulec
