// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/exact_sum.h"

#include <cmath>

namespace rulec {

ExactSum::Value ExactSum::value() const {
  // Carries go up, so that what is left is a digit of 32 bits a place, and the sign is the highest one's.
  constexpr std::size_t Digits = Bins + 4;
  std::array<Wide, Digits> digits{};
  for (const bool is_negated : {false, true}) {
    Wide carry = 0;
    for (std::size_t i = 0; i < Digits; ++i) {
      if (i < Bins) carry += is_negated ? -bins_[i] : bins_[i];
      digits[i] = carry & 0xFFFFFFFF;
      carry >>= 32U;
    }
    if (carry < 0) continue;
    Value value;
    for (std::size_t i = Digits; i-- > 0;) {
      const double digit = std::ldexp(static_cast<double>(digits[i]), static_cast<int>(i) * 32 - 1074);
      const double sum = value.nearest + digit;
      value.rest += digit - (sum - value.nearest);  // digits only get smaller
      value.nearest = sum;
    }
    return is_negated ? Value{-value.nearest, -value.rest} : value;
  }
  return {};
}

}  // namespace rulec
