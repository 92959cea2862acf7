// SPDX-License-Identifier: Apache-2.0
// Which numbers a scalar function is tried on, and how far apart two numbers are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <rulec/tensor.h>

namespace rulec {

/// How the numbers of a type lie in its bits. Fields are 0 where a type has nothing of the kind.
struct NumberBits {
  bool is_float = false;
  int mantissa_bits = 0;   ///< of a float; of an integer, all bits but the sign
  std::uint64_t sign = 0;  ///< the sign bit
  std::uint64_t opposite =
      0;  ///< what differs between a number and the one of the other sign: v and -v, for integers v and -v - 1
  std::uint64_t finite = 0;  ///< magnitudes in bits are finite below this
};

NumberBits number_bits(DType dtype);

/// Numbers as bits: for every magnitude, in ascending order, the positive number and then, in signed types, its
/// opposite.
struct TrialNumbers {
  DType dtype = DType::F32;
  bool is_complete = true;  ///< every finite number of the type
  std::size_t per_magnitude = 2;
  std::vector<std::uint64_t> bits;

  std::size_t magnitudes() const { return bits.size() / per_magnitude; }
  double magnitude(std::size_t index) const;

  /// The first magnitude that is not below `value`, and the first that is above it.
  std::size_t lower_bound(double value) const;
  std::size_t upper_bound(double value) const;
};

/// All finite numbers of types of up to 16 bits. Of wider ones, for every power of two, mantissas of many kinds: some
/// 100,000 numbers, half of them between 2^-16 and 8. `dtype` is not a packed type.
TrialNumbers trial_numbers(DType dtype);

/// The number that `bits` stand for, exact but for 64-bit integers.
double number_of(DType dtype, std::uint64_t bits);

/// Where the number stands among all numbers of its type; zeros of both signs stand in one place.
inline std::uint64_t position(const NumberBits& type, std::uint64_t bits) {
  if (!type.is_float) return bits ^ type.sign;
  return (bits & type.sign) != 0 ? type.sign - (bits & ~type.sign) : type.sign + bits;
}

/// The same number: equal bits, or zeros of any sign.
inline bool is_same(const NumberBits& type, std::uint64_t a, std::uint64_t b) {
  return a == b || (type.is_float && position(type, a) == position(type, b));
}

/// How many numbers of the type away `b` is from `a`.
inline std::uint64_t distance(const NumberBits& type, std::uint64_t a, std::uint64_t b) {
  const std::uint64_t first = position(type, a);
  const std::uint64_t second = position(type, b);
  return first < second ? second - first : first - second;
}

}  // namespace rulec
