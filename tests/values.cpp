// SPDX-License-Identifier: Apache-2.0
// Values of expressions: exact fractions, and numbers that are rounded once.
#include "engine/rules/value.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>

namespace rulec::values_test {
namespace {

/// Of two doubles beside each other, the nearer to a fraction; the even one of two as near. By cross products in 128
/// bits, for fractions between 1/2 and 1.
bool is_nearest(double number, const Rational& fraction) {
  __extension__ typedef __int128 Wide;
  const double unit = 0x1p-54;
  const auto scaled = static_cast<Wide>(number / unit);
  const Wide distance = scaled * fraction.denominator - (static_cast<Wide>(fraction.numerator) << 54);
  const Wide twice = 2 * (distance < 0 ? -distance : distance);
  const Wide step = 2 * static_cast<Wide>(fraction.denominator);  // doubles there are 2^-53 apart
  return twice < step || (twice == step && scaled / 2 % 2 == 0);
}

}  // namespace

TEST_CASE("a fraction becomes the nearest double") {
  CHECK(Rational{1, 3}.to_double() == 1.0 / 3);
  CHECK(Rational{-1, 3}.to_double() == -1.0 / 3);
  CHECK(Rational{9007199254740993, 1}.to_double() == 9007199254740992.0);
  CHECK(Rational{9007199254740995, 1}.to_double() == 9007199254740996.0);
  CHECK(Rational{1, INT64_MAX}.to_double() == 0x1p-63);
  CHECK(Rational{-INT64_MAX, 1}.to_double() == -0x1p63);
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const auto denominator = static_cast<std::int64_t>(random() >> 1 | std::uint64_t{1} << 62);
    const auto numerator =
        denominator / 2 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(denominator / 2)) + 1;
    const Rational fraction{numerator, denominator};
    CAPTURE(numerator);
    CAPTURE(denominator);
    CHECK(is_nearest(fraction.to_double(), fraction));
  }
}

TEST_CASE("numbers with a type are rounded to it once") {
  // Above the middle between 1 and the next bfloat16, by less than a float32 can tell.
  const Value above = 1 + 0x1p-8 + 0x1p-40;
  const auto rounded = calculate(ArithmeticOp::Add, TypedNumber{0, DType::Bf16}, above);
  CHECK(std::get<Value>(rounded) == Value(TypedNumber{1 + 0x1p-7, DType::Bf16}));
}

}  // namespace rulec::values_test
