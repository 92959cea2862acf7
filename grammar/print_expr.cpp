// SPDX-License-Identifier: Apache-2.0
#include "grammar/print_expr.h"

#include <algorithm>
#include <array>

#include "grammar/overloaded.h"
#include "grammar/print.h"
#include "grammar/reading.h"

namespace rulec::printing {
namespace {

struct OpText {
  std::string_view text;
  Level level;
};

OpText op_text(ast::BinaryOp op) {
  using enum ast::BinaryOp;
  switch (op) {
    case Or:
      return {"or", Level::Or};
    case And:
      return {"and", Level::And};
    case Equal:
      return {"==", Level::Comparison};
    case NotEqual:
      return {"!=", Level::Comparison};
    case Less:
      return {"<", Level::Comparison};
    case LessEqual:
      return {"<=", Level::Comparison};
    case Greater:
      return {">", Level::Comparison};
    case GreaterEqual:
      return {">=", Level::Comparison};
    case Add:
      return {"+", Level::Sum};
    case Subtract:
      return {"-", Level::Sum};
    case Multiply:
      return {"*", Level::Product};
    case Divide:
      return {"/", Level::Product};
    case FloorDivide:
      return {"//", Level::Product};
    case Modulo:
      return {"%", Level::Product};
    case Else:
      return {"else", Level::Default};
  }
  return {};
}

Level tighter(Level level) {
  return static_cast<Level>(static_cast<std::uint8_t>(level) + 1);
}

std::string key(const std::vector<ast::Name>& parts) {
  std::string out;
  for (const ast::Name& part : parts) out += (out.empty() ? "" : ".") + part.text;
  return out;
}

/// `2i`: whether a number can stand directly before what it multiplies.
bool is_implicit(const ast::File& file, const ast::Binary& node) {
  if (node.op != ast::BinaryOp::Multiply) return false;
  const auto* left = std::get_if<ast::Number>(&file[node.left].node);
  if (!left || left->text.find('e') != std::string::npos) return false;
  const auto& right = file[node.right].node;
  if (std::holds_alternative<ast::Number>(right) || std::holds_alternative<ast::String>(right)) return false;
  if (std::holds_alternative<ast::Bool>(right)) return false;
  if (const auto* name = std::get_if<ast::Key>(&right)) {
    const std::string& text = name->parts.front().text;  // `2e3` would be a number
    return text[0] != 'e' || text.size() == 1 || text.find_first_not_of("0123456789", 1) != std::string::npos;
  }
  return true;
}

struct Printed {
  std::string text;
  Level level = Level::Primary;
};

class ExprPrinter {
 public:
  explicit ExprPrinter(const ast::File& file) : file_(file) {}

  Printed operator()(const ast::Number& node) const { return {node.text}; }
  Printed operator()(const ast::String& node) const { return {in_quotes(node.text)}; }
  Printed operator()(const ast::Bool& node) const { return {node.value ? "true" : "false"}; }
  Printed operator()(const ast::Key& node) const { return {key(node.parts)}; }
  Printed operator()(const ast::Element& node) const {
    std::string out = at(node.of, Level::Primary) + "[" + at(node.index, Level::Default) + "]";
    for (const ast::Name& member : node.members) out += "." + member.text;
    return {out};
  }
  Printed operator()(const ast::Call& node) const { return {node.function.text + arguments(file_, node.arguments)}; }
  Printed operator()(const ast::Unary& node) const {
    const bool is_not = node.op == ast::UnaryOp::Not;
    const Level level = is_not ? Level::Not : Level::Unary;
    return {(is_not ? "not " : "-") + at(node.of, level), level};
  }
  Printed operator()(const ast::Binary& node) const {
    if (is_implicit(file_, node)) return {at(node.left, Level::Primary) + factor(node.right)};
    const auto [op, level] = op_text(node.op);
    const bool is_left = level != Level::Default && level != Level::Comparison;
    const Level right = level == Level::Default ? Level::Value : tighter(level);
    return {at(node.left, is_left ? level : tighter(level)) + " " + std::string(op) + " " + at(node.right, right),
            level};
  }
  Printed operator()(const ast::Conditional& node) const {
    std::string out;
    for (const ast::Branch& branch : node.branches) {
      out += "when " + at(branch.condition, Level::Default) + ": " + at(branch.value, Level::Default) + " ";
    }
    return {out + "else: " + at(node.otherwise, Level::Default), Level::Value};
  }

 private:
  std::string at(ast::ExprId id, Level least) const { return expr(file_, id, least); }

  /// What stands directly behind a number: a name, or parentheses.
  std::string factor(ast::ExprId id) const {
    const auto& node = file_[id].node;
    const auto* product = std::get_if<ast::Binary>(&node);
    const bool is_product = product && is_implicit(file_, *product);
    std::string text = at(id, Level::Primary);
    return is_product ? "(" + text + ")" : text;
  }

  const ast::File& file_;
};

}  // namespace

std::string expr(const ast::File& file, ast::ExprId id, Level least) {
  const Printed printed = std::visit(ExprPrinter(file), file[id].node);
  return printed.level < least ? "(" + printed.text + ")" : printed.text;
}

std::string arguments(const ast::File& file, const std::vector<ast::Argument>& list) {
  std::string out;
  for (const ast::Argument& argument : list) {
    out += out.empty() ? "" : ", ";
    if (argument.name) out += argument.name->text + " = ";
    out += expr(file, argument.value, Level::Value);
  }
  return "(" + out + ")";
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  }
  return out + '"';
}

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::ranges::all_of(text, grammar::is_word);
}

}  // namespace rulec::printing

namespace rulec {

std::string print(const ast::File& file, ast::ExprId expr) {
  return printing::expr(file, expr, printing::Level::Value);
}

}  // namespace rulec
