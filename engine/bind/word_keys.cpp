// SPDX-License-Identifier: Apache-2.0
#include "engine/bind/word_keys.h"

#include <algorithm>
#include <optional>

#include "engine/rules/definitions.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

class WordKeyCollector {
 public:
  std::map<std::string, std::vector<Value>> run(const Rules& rules) {
    for (const ast::File& file : rules.files) {
      for (const ast::Expr& expr : file.exprs) expression(file, expr);
      for (const ast::Statement& statement : file.statements) this->statement(file, statement);
    }
    return std::move(words_);
  }

 private:
  void expression(const ast::File& file, const ast::Expr& expr) {
    if (const auto* binary = std::get_if<ast::Binary>(&expr.node)) {
      const bool compares = binary->op == ast::BinaryOp::Equal || binary->op == ast::BinaryOp::NotEqual;
      if (compares) compared(file, binary->left, binary->right);
      if (compares) compared(file, binary->right, binary->left);
    } else if (const auto* conditional = std::get_if<ast::Conditional>(&expr.node)) {
      for (const ast::Branch& branch : conditional->branches) condition(file, branch.condition);
    }
  }

  void compared(const ast::File& file, ast::ExprId name, ast::ExprId text) {
    const auto* key = std::get_if<ast::Key>(&file[name].node);
    const auto* word = std::get_if<ast::String>(&file[text].node);
    if (key != nullptr && word != nullptr) add(dotted(*key), Value(word->text));
  }

  void statement(const ast::File& file, const ast::Statement& statement) {
    std::visit(Overloaded{
                   [&](const ast::When& when) {
                     for (const ast::WhenBranch& branch : when.branches) condition(file, branch.condition);
                   },
                   [&](const ast::For& loop) { condition(file, loop.guard); },
                   [&](const ast::Rule& rule) { condition(file, rule.condition); },
                   [&](const ast::Ignore& ignore) { condition(file, ignore.condition); },
                   [&](const ast::Require& require) { condition(file, require.condition); },
                   [](const auto&) {},
               },
               statement.node);
  }

  /// Names that stand alone where a truth is wanted.
  void condition(const ast::File& file, std::optional<ast::ExprId> expr) {
    if (!expr) return;
    std::visit(Overloaded{
                   [&](const ast::Key& key) {
                     add(dotted(key), Value(true));
                     add(dotted(key), Value(false));
                   },
                   [&](const ast::Unary& unary) {
                     if (unary.op == ast::UnaryOp::Not) condition(file, unary.of);
                   },
                   [&](const ast::Binary& binary) {
                     if (binary.op != ast::BinaryOp::And && binary.op != ast::BinaryOp::Or) return;
                     condition(file, binary.left);
                     condition(file, binary.right);
                   },
                   [](const auto&) {},
               },
               file[*expr].node);
  }

  void add(const std::string& name, Value value) {
    std::vector<Value>& values = words_[name];
    if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
  }

  std::map<std::string, std::vector<Value>> words_;
};

}  // namespace

std::map<std::string, std::vector<Value>> word_keys(const Rules& rules) {
  return WordKeyCollector().run(rules);
}

}  // namespace rulec
