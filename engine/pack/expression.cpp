// SPDX-License-Identifier: Apache-2.0
// The nodes of an expression, one function each.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <functional>

#include "engine/pack/evaluator.h"
#include "engine/tensor/numbers.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

ArithmeticOp arithmetic(ast::BinaryOp op) {
  switch (op) {
    case ast::BinaryOp::Add:
      return ArithmeticOp::Add;
    case ast::BinaryOp::Subtract:
      return ArithmeticOp::Subtract;
    case ast::BinaryOp::Multiply:
      return ArithmeticOp::Multiply;
    case ast::BinaryOp::Divide:
      return ArithmeticOp::Divide;
    case ast::BinaryOp::FloorDivide:
      return ArithmeticOp::FloorDivide;
    default:
      return ArithmeticOp::Modulo;
  }
}

bool is_arithmetic(ast::BinaryOp op) {
  return op >= ast::BinaryOp::Add && op <= ast::BinaryOp::Modulo;
}

bool holds(ast::BinaryOp op, int order) {
  switch (op) {
    case ast::BinaryOp::Equal:
      return order == 0;
    case ast::BinaryOp::NotEqual:
      return order != 0;
    case ast::BinaryOp::Less:
      return order < 0;
    case ast::BinaryOp::LessEqual:
      return order <= 0;
    case ast::BinaryOp::Greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

/// A decimal as an exact fraction where that fits, else the nearest double.
Value number_value(std::string_view text) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc() && end == text.data() + text.size()) return Rational{whole, 1};
  double real = 0;
  std::from_chars(text.data(), text.data() + text.size(), real);
  std::int64_t denominator = 1;
  for (int digits = 0; digits < 15; ++digits, denominator *= 10) {
    const double scaled = real * static_cast<double>(denominator);
    if (std::abs(scaled) < 9e15 && scaled == std::floor(scaled) && scaled / static_cast<double>(denominator) == real) {
      if (const auto exact = make_rational(static_cast<std::int64_t>(scaled), denominator)) return *exact;
    }
  }
  return real;
}

/// Whether a key is made of digits and they are this number: `05` reads as 5, `5abc` does not.
bool reads_as(std::string_view key, std::int64_t number) {
  std::int64_t value = 0;
  const char* end = key.data() + key.size();
  const auto [stop, error] = std::from_chars(key.data(), end, value);
  return error == std::errc() && stop == end && key.front() != '-' && value == number;
}

std::optional<DType> conversion_type(std::string_view function) {
  if (function == "f32") return DType::F32;
  if (function == "bf16") return DType::Bf16;
  if (function == "f16") return DType::F16;
  return std::nullopt;
}

}  // namespace

Result<Value> Evaluator::evaluate(const ast::File& file, ast::ExprId expr) {
  const ast::Expr& e = file[expr];
  const Level level(*this);
  if (!admit(e.span)) return diags_.failed();
  return std::visit([&](const auto& n) { return node(file, e.span, n); }, e.node);
}

Reported Evaluator::wrong_type(Span span, std::string_view expected, const Value& found) {
  return report(diags_, span, diag::WrongType, expected, fmt::format("{}: {}", describe_kind(found), to_string(found)));
}

Result<bool> Evaluator::condition(const ast::File& file, ast::ExprId expr) {
  Result<Value> value = evaluate(file, expr);
  if (!value) return diags_.failed();
  if (!has_value(*value)) return false;
  if (const bool* truth = std::get_if<bool>(&*value)) return *truth;
  return wrong_type(file[expr].span, "a condition", *value);
}

Result<std::int64_t> Evaluator::whole(const ast::File& file, ast::ExprId expr, std::string_view what) {
  missing_.reset();
  Result<Value> value = evaluate(file, expr);
  if (!value) return diags_.failed();
  const Span span = file[expr].span;
  if (!has_value(*value)) return report_no_value(span, what);
  const std::optional<Rational> rational = exact_number(*value);
  if (!rational) return wrong_type(span, fmt::format("{}, a whole number", what), *value);
  if (!rational->is_whole()) {
    Finding finding = report(diags_, span, diag::IndexRemainder, diags_.sources().text(span));
    if (std::holds_alternative<ast::Number>(file[expr].node))
      return finding.label(fmt::format("{} is a whole number", what));
    return citing(finding.label(fmt::format("{} is a whole number, and `/` divides exactly", what)), file, expr)
        .note(fmt::format("here it is {}", to_string(*value)))
        .help("require that it divides (`require L % 2 == 0 \"why\"`), or round down with `//`");
  }
  return rational->numerator;
}

Result<Value> Evaluator::node(const ast::File&, Span, const ast::Number& number) {
  return number_value(number.text);
}
Result<Value> Evaluator::node(const ast::File&, Span, const ast::String& string) {
  return Value(string.text);
}
Result<Value> Evaluator::node(const ast::File&, Span, const ast::Bool& boolean) {
  return Value(boolean.value);
}

Result<Value> Evaluator::node(const ast::File&, Span span, const ast::Key& key) {
  const std::optional<SideId> side = rules_.side(key.parts.front().text);
  const bool names_side = side && key.parts.size() > 1;  // `side.key` reads anywhere
  if (config_ != nullptr && !names_side) return section_value(*config_, key, span);
  if (key.parts.size() == 1) return name(key.parts.front());
  if (!side) return report(diags_, key.parts.front().span, diag::UnresolvedName, "side", key.parts.front().text);
  std::string dotted;
  for (std::size_t i = 1; i < key.parts.size(); ++i) dotted += (i == 1 ? "" : ".") + key.parts[i].text;
  return config_value(*side, dotted, span);
}

Result<Value> Evaluator::node(const ast::File& file, Span, const ast::Element& element) {
  Result<Value> of = evaluate(file, element.of);
  if (!of) return of;
  Result<Value> index = evaluate(file, element.index);
  if (!index) return index;
  if (!has_value(*of) || !has_value(*index)) return Value(NoValue{});
  const auto* section = std::get_if<Section>(&*of);
  const std::optional<Rational> position = exact_number(*index);
  if (section == nullptr) return wrong_type(file[element.of].span, "a list or a section of a config", *of);
  if (!position || !position->is_whole()) return wrong_type(file[element.index].span, "a whole number", *index);
  Result<const ConfigValue*> at = element_of(file, element, **section, position->numerator);
  if (!at) return diags_.failed();
  const ConfigValue* found = *at;
  for (const ast::Name& member : element.members) found = found == nullptr ? nullptr : found->find(member.text);
  if (found != nullptr && !found->is_null()) return from_config(*found);
  missing_.reset();  // no key of a config is missing, this element is
  return Value(NoValue{});
}

/// An element of a list, or the member of an object whose key reads as the number. May be nullptr.
Result<const ConfigValue*> Evaluator::element_of(const ast::File& file, const ast::Element& element,
                                                 const ConfigValue& section, std::int64_t at) {
  if (const auto* list = std::get_if<ConfigList>(&section.node)) {
    if (at < 0 || at >= static_cast<std::int64_t>(list->size())) {
      return report(diags_, file[element.index].span, diag::IndexOutOfRange,
                    diags_.sources().text(file[element.index].span), std::to_string(at),
                    fmt::format("the list has {} elements", list->size()))
          .also(section.span, "this list");
    }
    return &(*list)[static_cast<std::size_t>(at)];
  }
  const ConfigValue* found = nullptr;
  if (const auto* object = std::get_if<ConfigObject>(&section.node)) {
    for (const ConfigMember& member : *object) {
      if (reads_as(member.key, at)) found = &member.value;
    }
  }
  return found;
}

Result<Value> Evaluator::node(const ast::File& file, Span span, const ast::Unary& unary) {
  Result<Value> of = evaluate(file, unary.of);
  if (!of || !has_value(*of)) return of;
  if (unary.op == ast::UnaryOp::Not) {
    if (const bool* truth = std::get_if<bool>(&*of)) return Value(!*truth);
    return wrong_type(file[unary.of].span, "a truth value", *of);
  }
  auto outcome = calculate(ArithmeticOp::Subtract, Rational{0, 1}, *of);
  if (Value* value = std::get_if<Value>(&outcome)) return std::move(*value);
  if (!as_double(*of)) return wrong_type(file[unary.of].span, "a number", *of);
  return report(diags_, span, diag::BadArithmetic, diags_.sources().text(span), std::get<std::string>(outcome));
}

/// `and`, `or`: on no value, no value, also `false and x`; the right side is not asked when the left decides.
Result<Value> Evaluator::logical(const ast::File& file, const ast::Binary& binary) {
  Result<Value> left = evaluate(file, binary.left);
  if (!left || !has_value(*left)) return left;
  const bool* a = std::get_if<bool>(&*left);
  if (a == nullptr) return wrong_type(file[binary.left].span, "a truth value", *left);
  Result<Value> right = evaluate(file, binary.right);
  if (!right || !has_value(*right)) return right;
  const bool* b = std::get_if<bool>(&*right);
  if (b == nullptr) return wrong_type(file[binary.right].span, "a truth value", *right);
  return Value(binary.op == ast::BinaryOp::And ? *a && *b : *a || *b);
}

/// `a else b`. A key that only lacked a value until the default was taken is not missing.
Result<Value> Evaluator::defaulted(const ast::File& file, const ast::Binary& binary) {
  std::optional<MissingKey> outer = std::exchange(missing_, std::nullopt);
  Result<Value> left = evaluate(file, binary.left);
  if (!left) return left;
  if (has_value(*left)) {
    missing_ = std::move(outer);
    return left;
  }
  const std::optional<MissingKey> key = missing_;
  config_span_.reset();
  Result<Value> right = evaluate(file, binary.right);
  if (!right || !has_value(*right)) return right;
  if (key && inputs_.configs[number(key->side)] != nullptr)
    trace_.fallbacks.push_back({key->side, key->key, key->span, config_span_});
  missing_ = std::move(outer);
  return right;
}

Result<Value> Evaluator::node(const ast::File& file, Span span, const ast::Binary& binary) {
  if (binary.op == ast::BinaryOp::And || binary.op == ast::BinaryOp::Or) return logical(file, binary);
  if (binary.op == ast::BinaryOp::Else) return defaulted(file, binary);
  Result<Value> left = evaluate(file, binary.left);
  if (!left) return left;
  Result<Value> right = evaluate(file, binary.right);
  if (!right) return right;
  if (is_arithmetic(binary.op)) {
    auto outcome = calculate(arithmetic(binary.op), *left, *right);
    if (Value* value = std::get_if<Value>(&outcome)) return std::move(*value);
    const auto cited = [&](const Finding& finding) {
      return citing(citing(finding, file, binary.left), file, binary.right);
    };
    return cited(report(diags_, span, diag::BadArithmetic, diags_.sources().text(span), std::get<std::string>(outcome)))
        .note(fmt::format("the left is {}, the right is {}", to_string(*left), to_string(*right)));
  }
  if (!has_value(*left) || !has_value(*right)) return Value(NoValue{});
  if (const std::optional<int> order = compare(*left, *right)) return Value(holds(binary.op, *order));
  return report(diags_, span, diag::BadArithmetic, diags_.sources().text(span),
                fmt::format("{} and {} cannot be compared", describe_kind(*left), describe_kind(*right)));
}

Result<Value> Evaluator::node(const ast::File& file, Span, const ast::Conditional& conditional) {
  for (const ast::Branch& branch : conditional.branches) {
    Result<bool> holds = condition(file, branch.condition);
    if (!holds) return diags_.failed();
    if (*holds) return evaluate(file, branch.value);
  }
  return evaluate(file, conditional.otherwise);
}

Result<Value> Evaluator::node(const ast::File& file, Span span, const ast::Call& call) {
  if (const Definition* found = rules_.find(call.function.text);
      found != nullptr && found->kind == DefinitionKind::Let) {
    const ast::File& home = rules_.files[found->file];
    const auto& let = std::get<ast::Let>(rules_.statement(*found).node);
    const ast::Definition& function = let.definitions[found->entry];
    Result<std::vector<Binding>> arguments = bind(file, call.arguments, home, *function.parameters);
    if (!arguments) return diags_.failed();
    const ast::Config* outer = std::exchange(config_, nullptr);
    const Level level(*this, function.name.text);
    const Scope scope(*this, *std::move(arguments), false);
    Result<Value> value = evaluate(home, function.value);
    config_ = outer;
    return value;
  }
  std::vector<Value> arguments;
  for (const ast::Argument& argument : call.arguments) {
    Result<Value> value = evaluate(file, argument.value);
    if (!value) return value;
    arguments.push_back(*std::move(value));
  }
  return built_in(call, arguments, span);
}

Result<Value> Evaluator::built_in(const ast::Call& call, std::span<const Value> arguments, Span span) {
  const std::string& function = call.function.text;
  if (function == "has" && arguments.size() == 1) return Value(has_value(arguments[0]));
  for (const Value& argument : arguments) {
    if (!has_value(argument)) return Value(NoValue{});
  }
  if (const auto type = conversion_type(function); type && arguments.size() == 1) {
    if (const auto number = as_double(arguments[0])) return Value(TypedNumber{rounded(*number, *type), *type});
    return wrong_type(span, "a number", arguments[0]);
  }
  if ((function == "sqrt" || function == "exp" || function == "log") && arguments.size() == 1) {
    const auto number = as_double(arguments[0]);
    if (!number) return wrong_type(span, "a number", arguments[0]);
    if (*number < 0 && function != "exp")
      return report(diags_, span, diag::BadArithmetic, diags_.sources().text(span),
                    fmt::format("{} is negative", *number));
    const double result = function == "sqrt"  ? std::sqrt(*number)
                          : function == "exp" ? std::exp(*number)
                                              : std::log(*number);
    if (const auto* typed = std::get_if<TypedNumber>(&arguments[0]))
      return Value(TypedNumber{rounded(result, typed->type), typed->type});
    return Value(result);
  }
  if (function == "ceil" && arguments.size() == 1) {
    if (const auto* exact = std::get_if<Rational>(&arguments[0])) {
      const std::int64_t quotient = exact->numerator / exact->denominator;
      return Value(Rational{quotient + (exact->numerator % exact->denominator > 0 ? 1 : 0), 1});
    }
    const auto number = as_double(arguments[0]);
    if (number && std::abs(*number) < 9e15) return Value(Rational{static_cast<std::int64_t>(std::ceil(*number)), 1});
    return wrong_type(span, "a number", arguments[0]);
  }
  if (function == "len" && arguments.size() == 1) {
    if (const auto* section = std::get_if<Section>(&arguments[0])) {
      if (const auto* list = std::get_if<ConfigList>(&(*section)->node)) {
        return Value(Rational{static_cast<std::int64_t>(list->size()), 1});
      }
    }
    return wrong_type(span, "a list", arguments[0]);
  }
  if ((function == "min" || function == "max") && !arguments.empty()) {
    Value best = arguments[0];
    for (const Value& next : arguments.subspan(1)) {
      const auto order = compare(next, best);
      if (!order) return wrong_type(span, "numbers", next);
      if (function == "min" ? *order < 0 : *order > 0) best = next;
    }
    return best;
  }
  return report(diags_, call.function.span, diag::UnresolvedName, "function", function);
}

}  // namespace rulec
