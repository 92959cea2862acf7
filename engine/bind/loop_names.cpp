// SPDX-License-Identifier: Apache-2.0
#include "engine/bind/loop_names.h"

#include <algorithm>
#include <string_view>

#include "engine/rules/definitions.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

class LoopNameCollector {
 public:
  explicit LoopNameCollector(const Rules& rules) : rules_(rules) {}

  std::set<std::string> run() {
    for (const ast::File& file : rules_.files) {
      for (const ast::Statement& statement : file.statements) {
        const auto* loop = std::get_if<ast::For>(&statement.node);
        if (loop == nullptr) continue;
        for (const ast::Binder& binder : loop->binders) {
          if (const auto* range = std::get_if<ast::Range>(&binder.values)) {
            add(file, range->begin);
            add(file, range->end);
          }
        }
      }
    }
    return std::move(names_);
  }

 private:
  void add(const ast::File& file, ast::ExprId expr) {
    std::visit(Overloaded{
                   [&](const ast::Key& key) { add_name(dotted(key)); },
                   [&](const ast::Element& element) {
                     add(file, element.of);
                     add(file, element.index);
                   },
                   [&](const ast::Call& call) {
                     add_name(call.function.text);
                     for (const ast::Argument& argument : call.arguments) add(file, argument.value);
                   },
                   [&](const ast::Unary& unary) { add(file, unary.of); },
                   [&](const ast::Binary& binary) {
                     add(file, binary.left);
                     add(file, binary.right);
                   },
                   [&](const ast::Conditional& conditional) {
                     for (const ast::Branch& branch : conditional.branches) {
                       add(file, branch.condition);
                       add(file, branch.value);
                     }
                     add(file, conditional.otherwise);
                   },
                   [](const auto&) {},
               },
               file[expr].node);
  }

  void add_name(const std::string& name) {
    if (!names_.insert(name).second) return;
    for (const ast::File& file : rules_.files) {
      for (const ast::Statement& statement : file.statements) add_meaning(file, statement, name);
    }
  }

  /// What a `let` of this name says, wherever it stands, and what is passed for a parameter of this name.
  void add_meaning(const ast::File& file, const ast::Statement& statement, std::string_view name) {
    if (const auto* let = std::get_if<ast::Let>(&statement.node)) {
      for (const ast::Definition& definition : let->definitions) {
        if (definition.name.text == name) add(file, definition.value);
      }
    }
    const auto* block = std::get_if<ast::Block>(&statement.node);
    if (block == nullptr) return;
    const auto parameter = std::ranges::find(block->parameters, name, [](const auto& p) { return p.name.text; });
    if (parameter == block->parameters.end()) return;
    if (parameter->value) add(file, *parameter->value);
    const auto position = static_cast<std::size_t>(parameter - block->parameters.begin());
    for (const ast::File& user : rules_.files) {
      for (const ast::Statement& one : user.statements) {
        const auto* use = std::get_if<ast::Use>(&one.node);
        if (use != nullptr && use->block.text == block->name.text) add_argument(user, *use, position, name);
      }
    }
  }

  void add_argument(const ast::File& file, const ast::Use& use, std::size_t position, std::string_view name) {
    for (std::size_t a = 0; a < use.arguments.size(); ++a) {
      const ast::Argument& argument = use.arguments[a];
      if (argument.name ? argument.name->text == name : a == position) add(file, argument.value);
    }
  }

  const Rules& rules_;
  std::set<std::string> names_;
};

}  // namespace

bool has_default(const ast::File& file, ast::ExprId key) {
  return std::ranges::any_of(file.exprs, [&](const ast::Expr& expr) {
    const auto* binary = std::get_if<ast::Binary>(&expr.node);
    return binary != nullptr && binary->op == ast::BinaryOp::Else && binary->left == key;
  });
}

std::set<std::string> loop_names(const Rules& rules) {
  return LoopNameCollector(rules).run();
}

std::set<std::string> list_names(const Rules& rules) {
  std::set<std::string> names;
  for (const ast::File& file : rules.files) {
    const auto add = [&](ast::ExprId of) {
      if (const auto* key = std::get_if<ast::Key>(&file[of].node)) names.insert(dotted(*key));
    };
    for (const ast::Expr& expr : file.exprs) {
      if (const auto* element = std::get_if<ast::Element>(&expr.node)) add(element->of);
      const auto* call = std::get_if<ast::Call>(&expr.node);
      if (call != nullptr && call->function.text == "len" && !call->arguments.empty())
        add(call->arguments.front().value);
    }
  }
  return names;
}

}  // namespace rulec
