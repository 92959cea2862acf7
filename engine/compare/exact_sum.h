// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rulec {

/// A sum of finite numbers without any rounding, so that their order does not matter: a number is added, as an integer,
/// to one of the accumulators that each stand for 32 powers of two. Up to 2^40 numbers.
class ExactSum {
 public:
  /// Takes in `number` so many times.
  void add(double number, std::uint64_t times = 1) {
    const auto bits = std::bit_cast<std::uint64_t>(number);
    const auto exponent = static_cast<unsigned>(bits >> 52U & 0x7FFU);
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52U) - 1);
    const std::uint64_t mantissa = exponent == 0 ? fraction : fraction | std::uint64_t{1} << 52U;
    const unsigned place = exponent == 0 ? 0 : exponent - 1;  // in powers of two from 2^-1074 on
    const Wide wide = (static_cast<Wide>(mantissa) << (place % 32)) * static_cast<Wide>(times);
    bins_[place / 32] += bits >> 63U != 0 ? -wide : wide;
  }

  void add(const ExactSum& other) {
    for (std::size_t i = 0; i < Bins; ++i) bins_[i] += other.bins_[i];
  }

  /// The sum as a double, and what that lacks of it.
  struct Value {
    double nearest = 0;
    double rest = 0;
  };
  Value value() const;

 private:
  __extension__ using Wide = __int128;

  static constexpr std::size_t Bins = 64;
  std::array<Wide, Bins> bins_{};
};

}  // namespace rulec
