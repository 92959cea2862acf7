// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "grammar/internal_error.h"
#include "grammar/messages.h"
#include "grammar/tree_builder.h"

namespace rulec::grammar {
namespace {

/// Chains of operators may be this deep, so that whoever walks an expression may do it by recursion.
constexpr std::uint16_t MaxExprDepth = 500;

ast::BinaryOp binary_op(Kind level, std::string_view op) {
  if (level == Kind::Implicit) return ast::BinaryOp::Multiply;
  if (level == Kind::And) return ast::BinaryOp::And;
  if (level == Kind::Or) return ast::BinaryOp::Or;
  if (level == Kind::Default) return ast::BinaryOp::Else;
  if (op == "+") return ast::BinaryOp::Add;
  if (op == "-") return ast::BinaryOp::Subtract;
  if (op == "*") return ast::BinaryOp::Multiply;
  if (op == "/") return ast::BinaryOp::Divide;
  if (op == "//") return ast::BinaryOp::FloorDivide;
  if (op == "%") return ast::BinaryOp::Modulo;
  if (op == "==") return ast::BinaryOp::Equal;
  if (op == "!=") return ast::BinaryOp::NotEqual;
  if (op == "<") return ast::BinaryOp::Less;
  if (op == "<=") return ast::BinaryOp::LessEqual;
  if (op == ">") return ast::BinaryOp::Greater;
  return ast::BinaryOp::GreaterEqual;
}

}  // namespace

ExprBuilder::ExprBuilder(const Nodes& nodes, SourceId source, Diagnostics& diagnostics)
    : diags(diagnostics), nodes_(nodes), source_(source), text_(diagnostics.sources()[source].text()) {
  tree.source = source;
}

std::string_view ExprBuilder::text(const Node& node) const {
  return text_.substr(node.begin, node.end - node.begin);
}

std::string ExprBuilder::string(const Node& node) const {
  const std::string_view quoted = text(node);
  std::string out;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      out += quoted[i];
      continue;
    }
    ++i;
    out += quoted[i] == 'n' ? '\n' : quoted[i] == 't' ? '\t' : quoted[i];
  }
  return out;
}

std::optional<std::string> ExprBuilder::string(const Node* node) const {
  return node ? std::optional(string(*node)) : std::nullopt;
}

std::string_view ExprBuilder::number(const Node& node) {
  std::string_view digits = text(node);
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  const char* end = digits.data() + digits.size();
  std::errc error{};
  if (digits.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t value = 0;
    error = std::from_chars(digits.data(), end, value).ec;
  } else {
    error = real(digits).second;
  }
  if (error != std::errc{}) report(diags, span(node), diag::NumberTooLarge, text(node));
  return digits;
}

std::pair<double, std::errc> ExprBuilder::real(std::string_view digits) {
  double value = 0;
  const std::errc error = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
  return {value, error};
}

ast::ExprId ExprBuilder::add(Span span, Expression node, std::initializer_list<ast::ExprId> parts) {
  tree.exprs.push_back({span, std::move(node)});
  depths_.push_back(1);
  const auto id = static_cast<ast::ExprId>(tree.exprs.size() - 1);
  for (const ast::ExprId part : parts) deepen(id, part);
  return id;
}

void ExprBuilder::deepen(ast::ExprId whole, ast::ExprId part) {
  std::uint16_t& depth = depths_[static_cast<std::size_t>(whole)];
  if (depth > depths_[static_cast<std::size_t>(part)]) return;
  depth = std::min<std::uint16_t>(depths_[static_cast<std::size_t>(part)] + 1, MaxExprDepth + 1);
  if (depth == MaxExprDepth) report(diags, tree[whole].span, diag::TooDeep, MaxExprDepth);
}

ast::ExprId ExprBuilder::expr(const Node& node) {
  switch (node.kind) {
    case Kind::Number:
      return add(span(node), ast::Number{std::string(number(node))});
    case Kind::SignedNumber:
      return signed_number(node);
    case Kind::String:
      return add(span(node), ast::String{string(node)});
    case Kind::Bool:
      return add(span(node), ast::Bool{text(node) == "true"});
    case Kind::Parens:
      return expr(*children(node).take());
    case Kind::Key:
      return add(span(node), key(node));
    case Kind::Access:
      return access(node);
    case Kind::Call:
      return call(node);
    case Kind::Unary:
    case Kind::Not:
      return prefix(node);
    case Kind::Implicit:
    case Kind::Product:
    case Kind::Sum:
    case Kind::Comparison:
    case Kind::And:
    case Kind::Or:
    case Kind::Default:
      return chain(node);
    case Kind::Conditional:
      return conditional(node);
    default:
      RULEC_ASSERT(!"an expression");
      return {};
  }
}

ast::ExprId ExprBuilder::signed_number(const Node& node) {
  const std::string digits(number(node));
  const Span whole = span(node);
  const bool is_negative = text(node).starts_with('-');
  const Span unsigned_span = {source_, static_cast<std::uint32_t>(whole.end - digits.size()), whole.end};
  const ast::ExprId value = add(unsigned_span, ast::Number{digits});
  return is_negative ? add(whole, ast::Unary{ast::UnaryOp::Negate, value}, {value}) : value;
}

ast::Key ExprBuilder::key(const Node& node) const {
  ast::Key key;
  Children parts = children(node);
  while (const Node* part = parts.take()) key.parts.push_back(name(*part));
  return key;
}

ast::ExprId ExprBuilder::access(const Node& node) {
  Children parts = children(node);
  ast::ExprId of = expr(*parts.take());
  while (const Node* subscript = parts.take()) {
    Children inside = children(*subscript);
    ast::Element element{of, expr(*inside.take()), {}};
    while (const Node* member = inside.take()) element.members.push_back(name(*member));
    of = add({source_, node.begin, subscript->end}, element, {of, element.index});
  }
  return of;
}

ast::ExprId ExprBuilder::call(const Node& node) {
  Children parts = children(node);
  ast::Call call{name(*parts.take()), {}};
  call.arguments = arguments(*parts.take());
  const ast::ExprId id = add(span(node), call);
  for (const ast::Argument& argument : call.arguments) deepen(id, argument.value);
  return id;
}

std::vector<ast::Argument> ExprBuilder::arguments(const Node& node) {
  std::vector<ast::Argument> out;
  Children list = children(node);
  while (const Node* child = list.take()) {
    Children parts = children(*child);
    const Node* named = parts.take(Kind::Name);
    const std::optional<ast::Name> as = named ? std::optional(name(*named)) : std::nullopt;
    out.push_back({as, expr(*parts.take())});
  }
  return out;
}

/// Signs or `not`s in front of an operand.
ast::ExprId ExprBuilder::prefix(const Node& node) {
  std::vector<const Node*> operators;
  Children parts = children(node);
  while (const Node* op = parts.take(Kind::Operator)) operators.push_back(op);
  ast::ExprId of = expr(*parts.take());
  const ast::UnaryOp op = node.kind == Kind::Not ? ast::UnaryOp::Not : ast::UnaryOp::Negate;
  for (; !operators.empty(); operators.pop_back()) {
    of = add({source_, operators.back()->begin, node.end}, ast::Unary{op, of}, {of});
  }
  return of;
}

/// Operands with operators between them, from left to right.
ast::ExprId ExprBuilder::chain(const Node& node) {
  Children parts = children(node);
  ast::ExprId left = expr(*parts.take());
  while (const Node* next = parts.take()) {
    const ast::BinaryOp op = binary_op(node.kind, next->kind == Kind::Operator ? text(*next) : std::string_view());
    if (next->kind == Kind::Operator) next = parts.take();
    const ast::ExprId right = expr(*next);
    left = add({source_, node.begin, next->end}, ast::Binary{op, left, right}, {left, right});
  }
  return left;
}

ast::ExprId ExprBuilder::conditional(const Node& node) {
  ast::Conditional out;
  Children parts = children(node);
  while (const Node* branch = parts.take(Kind::Branch)) {
    Children inside = children(*branch);
    const ast::ExprId condition = expr(*inside.take());
    out.branches.push_back({condition, expr(*inside.take())});
  }
  out.otherwise = expr(*parts.take());
  const ast::ExprId id = add(span(node), out, {out.otherwise});
  for (const ast::Branch& branch : out.branches) {
    deepen(id, branch.condition);
    deepen(id, branch.value);
  }
  return id;
}

std::optional<ast::ExprId> ExprBuilder::guard(Children& parts) {
  const Node* node = parts.take(Kind::Guard);
  return node ? std::optional(expr(*children(*node).take())) : std::nullopt;
}

}  // namespace rulec::grammar
