// SPDX-License-Identifier: Apache-2.0
// What an expression of a rule file can be worth, and the arithmetic on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "engine/config/config.h"
#include "engine/scalar/pipeline.h"

namespace rulec {

/// An exact fraction in lowest terms, denominator positive. Constants stay exact until a root or a logarithm is taken,
/// so that `L / 4 * 4` is L.
struct Rational {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;

  bool is_whole() const { return denominator == 1; }
  double to_double() const;  ///< the nearest double
  bool operator==(const Rational&) const = default;
};

/// In lowest terms; nothing if the denominator is 0 or the result does not fit.
std::optional<Rational> make_rational(std::int64_t numerator, std::int64_t denominator);

/// A key that is absent or null, and whatever is computed from it.
struct NoValue {
  bool operator==(const NoValue&) const = default;
};

/// `f32(x)`, `bf16(x)`: a number of a type of its own, rounded to it.
struct TypedNumber {
  double value = 0;
  DType type = DType::F32;
  bool operator==(const TypedNumber&) const = default;
};

/// A list or an object of a config, borrowed from it.
using Section = const ConfigValue*;

using Value = std::variant<NoValue, Rational, double, TypedNumber, bool, std::string, Section>;

inline bool has_value(const Value& value) {
  return !std::holds_alternative<NoValue>(value);
}

/// `a whole number`, `a string`, ...: for messages.
std::string describe_kind(const Value& value);

/// As a person would write it: `26`, `1/2`, `"head_dim"`.
std::string to_string(const Value& value);

/// A config's value as a value of the language.
Value from_config(const ConfigValue& value);

/// The number as a double, if it is one.
std::optional<double> as_double(const Value& value);

enum class ArithmeticOp : std::uint8_t { Add, Subtract, Multiply, Divide, FloorDivide, Modulo };

/// Arithmetic on numbers: exact on fractions, in its own type on typed numbers, else in double. No value in, no value
/// out. On failure, a phrase that says why (`division by zero`, `1/0 ...`).
std::variant<Value, std::string> calculate(ArithmeticOp op, const Value& left, const Value& right);

/// -1, 0, 1; nothing where the two cannot be compared. Numbers by value, strings by letters, booleans false first.
std::optional<int> compare(const Value& left, const Value& right);

}  // namespace rulec
