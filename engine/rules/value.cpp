// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/value.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "engine/tensor/numbers.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

using Outcome = std::variant<Value, std::string>;

// No standard types, which -Wpedantic would say.
__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 WideUnsigned;

constexpr auto TooLarge = "the result does not fit into 64 bits";

std::optional<Rational> add(const Rational& a, const Rational& b, bool subtract) {
  std::int64_t left = 0;
  std::int64_t right = 0;
  std::int64_t sum = 0;
  std::int64_t denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &left) ||
      __builtin_mul_overflow(b.numerator, a.denominator, &right) ||
      (subtract ? __builtin_sub_overflow(left, right, &sum) : __builtin_add_overflow(left, right, &sum)) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator)) {
    return std::nullopt;
  }
  return make_rational(sum, denominator);
}

std::optional<Rational> multiply(const Rational& a, const Rational& b) {
  std::int64_t numerator = 0;
  std::int64_t denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.numerator, &numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator)) {
    return std::nullopt;
  }
  return make_rational(numerator, denominator);
}

std::int64_t floor_of(const Rational& x) {
  return x.numerator / x.denominator - (x.numerator % x.denominator < 0 ? 1 : 0);
}

Outcome exact(ArithmeticOp op, const Rational& a, const Rational& b) {
  const auto outcome = [](const std::optional<Rational>& value) -> Outcome {
    if (!value) return std::string(TooLarge);
    return Value(*value);
  };
  switch (op) {
    case ArithmeticOp::Add:
    case ArithmeticOp::Subtract:
      return outcome(add(a, b, op == ArithmeticOp::Subtract));
    case ArithmeticOp::Multiply:
      return outcome(multiply(a, b));
    case ArithmeticOp::Divide:
    case ArithmeticOp::FloorDivide:
    case ArithmeticOp::Modulo:
      break;
  }
  if (b.numerator == 0) return std::string("division by zero");
  const std::optional<Rational> inverse = make_rational(b.denominator, b.numerator);
  const std::optional<Rational> quotient = inverse ? multiply(a, *inverse) : std::nullopt;
  if (op == ArithmeticOp::Divide || !quotient) return outcome(quotient);
  const Rational floor{floor_of(*quotient), 1};
  if (op == ArithmeticOp::FloorDivide) return Value(floor);
  const std::optional<Rational> product = multiply(floor, b);
  return outcome(product ? add(a, *product, true) : std::nullopt);
}

double in_double(ArithmeticOp op, double a, double b) {
  switch (op) {
    case ArithmeticOp::Add:
      return a + b;
    case ArithmeticOp::Subtract:
      return a - b;
    case ArithmeticOp::Multiply:
      return a * b;
    case ArithmeticOp::Divide:
      return a / b;
    case ArithmeticOp::FloorDivide:
      return std::floor(a / b);
    case ArithmeticOp::Modulo:
      return a - std::floor(a / b) * b;
  }
  return 0;
}

/// The type in which two operands meet, if one of them has a type.
std::optional<DType> meeting_type(const Value& left, const Value& right) {
  std::optional<DType> type;
  for (const Value* side : {&left, &right}) {
    const auto* typed = std::get_if<TypedNumber>(side);
    if (typed == nullptr) continue;
    type = !type || *type == typed->type ? typed->type : DType::F32;
  }
  return type;
}

}  // namespace

std::optional<Rational> make_rational(std::int64_t numerator, std::int64_t denominator) {
  if (denominator == 0 || denominator == INT64_MIN || numerator == INT64_MIN) return std::nullopt;
  const std::int64_t divisor = std::gcd(numerator, denominator) * (denominator < 0 ? -1 : 1);
  return Rational{numerator / divisor, denominator / divisor};
}

double Rational::to_double() const {
  constexpr std::int64_t Exact = std::int64_t{1} << 53;
  if (-Exact <= numerator && numerator <= Exact && denominator <= Exact)
    return static_cast<double>(numerator) / static_cast<double>(denominator);
  // The quotient of the integers to 64 bits or more, with a last bit that says whether something is left behind it:
  // that rounds as the fraction itself does.
  const std::uint64_t size =
      numerator < 0 ? -static_cast<std::uint64_t>(numerator) : static_cast<std::uint64_t>(numerator);
  const int shift = std::countl_zero(size) + 64;
  const WideUnsigned scaled = static_cast<WideUnsigned>(size) << shift;
  const auto divisor = static_cast<WideUnsigned>(denominator);
  const WideUnsigned quotient = scaled / divisor | static_cast<WideUnsigned>(scaled % divisor != 0);
  const double magnitude = std::ldexp(static_cast<double>(quotient), -shift);
  return numerator < 0 ? -magnitude : magnitude;
}

std::string describe_kind(const Value& value) {
  return std::visit(
      Overloaded{
          [](const NoValue&) { return "no value"; },
          [](const Rational& r) { return r.is_whole() ? "a whole number" : "a fraction"; },
          [](double) { return "a real number"; },
          [](const TypedNumber&) { return "a number with a type"; },
          [](bool) { return "a truth value"; },
          [](const std::string&) { return "a string"; },
          [](Section s) { return std::holds_alternative<ConfigList>(s->node) ? "a list" : "a section of a config"; },
      },
      value);
}

std::string to_string(const Value& value) {
  return std::visit(
      Overloaded{
          [](const NoValue&) -> std::string { return "no value"; },
          [](const Rational& r) {
            return r.is_whole() ? fmt::format("{}", r.numerator) : fmt::format("{}/{}", r.numerator, r.denominator);
          },
          [](double d) { return fmt::format("{}", d); },
          [](const TypedNumber& t) { return fmt::format("{}({})", rule_name(t.type), t.value); },
          [](bool b) -> std::string { return b ? "true" : "false"; },
          [](const std::string& s) { return fmt::format("\"{}\"", s); },
          [](Section s) -> std::string { return std::holds_alternative<ConfigList>(s->node) ? "[...]" : "{...}"; },
      },
      value);
}

Value from_config(const ConfigValue& value) {
  return std::visit(Overloaded{
                        [](std::monostate) -> Value { return NoValue{}; },
                        [](bool b) -> Value { return b; },
                        [](std::int64_t i) -> Value { return Rational{i, 1}; },
                        [](double d) -> Value { return d; },
                        [](const std::string& s) -> Value { return s; },
                        [&](const ConfigList&) -> Value { return &value; },
                        [&](const ConfigObject&) -> Value { return &value; },
                    },
                    value.node);
}

std::optional<double> as_double(const Value& value) {
  if (const auto* rational = std::get_if<Rational>(&value)) return rational->to_double();
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* typed = std::get_if<TypedNumber>(&value)) return typed->value;
  return std::nullopt;
}

Outcome calculate(ArithmeticOp op, const Value& left, const Value& right) {
  if (!has_value(left) || !has_value(right)) return Value(NoValue{});
  const auto* exact_left = std::get_if<Rational>(&left);
  const auto* exact_right = std::get_if<Rational>(&right);
  if (exact_left != nullptr && exact_right != nullptr) return exact(op, *exact_left, *exact_right);

  const std::optional<double> a = as_double(left);
  const std::optional<double> b = as_double(right);
  if (!a || !b) return fmt::format("{} is not a number", describe_kind(a ? right : left));
  const bool divides = op == ArithmeticOp::Divide || op == ArithmeticOp::FloorDivide || op == ArithmeticOp::Modulo;
  if (divides && *b == 0) return std::string("division by zero");
  if (const std::optional<DType> type = meeting_type(left, right)) {
    const double result = in_double(op, rounded(*a, *type), rounded(*b, *type));
    return Value(TypedNumber{rounded(result, *type), *type});
  }
  return Value(in_double(op, *a, *b));
}

std::optional<int> compare(const Value& left, const Value& right) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : a > b ? 1 : 0; };
  const auto* left_string = std::get_if<std::string>(&left);
  const auto* right_string = std::get_if<std::string>(&right);
  if (left_string != nullptr && right_string != nullptr) return order(*left_string, *right_string);
  const auto* left_bool = std::get_if<bool>(&left);
  const auto* right_bool = std::get_if<bool>(&right);
  if (left_bool != nullptr && right_bool != nullptr) return order(*left_bool, *right_bool);
  const auto* exact_left = std::get_if<Rational>(&left);
  const auto* exact_right = std::get_if<Rational>(&right);
  if (exact_left != nullptr && exact_right != nullptr) {
    // Denominators are positive, and the cross products of 64-bit numbers fit into 128 bits.
    return order(static_cast<Wide>(exact_left->numerator) * exact_right->denominator,
                 static_cast<Wide>(exact_right->numerator) * exact_left->denominator);
  }
  const std::optional<double> a = as_double(left);
  const std::optional<double> b = as_double(right);
  if (a && b) return order(*a, *b);
  return std::nullopt;
}

}  // namespace rulec
