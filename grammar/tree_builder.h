// SPDX-License-Identifier: Apache-2.0
// How matched nodes become a tree: expressions, then the sides of rules on top of them; tree.cpp adds the statements.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "grammar/ast.h"
#include "grammar/nodes.h"

#include <rulec/diagnostics.h>

namespace rulec::grammar {

/// Words and expressions.
class ExprBuilder {
 public:
  ExprBuilder(const Nodes& nodes, SourceId source, Diagnostics& diagnostics);

 protected:
  Span span(const Node& node) const { return {source_, node.begin, node.end}; }
  std::string_view text(const Node& node) const;
  Children children(const Node& node) const { return Children(nodes_, node); }
  ast::Name name(const Node& node) const { return {std::string(text(node)), span(node)}; }
  ast::Key key(const Node& node) const;

  /// What stands between the quotes, escapes undone; nothing for nullptr.
  std::string string(const Node& node) const;
  std::optional<std::string> string(const Node* node) const;

  /// The digits of a number without its sign. Reports one that does not fit into 64 bits.
  std::string_view number(const Node& node);
  static std::pair<double, std::errc> real(std::string_view digits);

  ast::ExprId expr(const Node& node);
  std::optional<ast::ExprId> guard(Children& parts);
  std::vector<ast::Argument> arguments(const Node& node);

  Diagnostics& diags;
  ast::File tree;

 private:
  using Expression = decltype(ast::Expr::node);
  ast::ExprId add(Span span, Expression node, std::initializer_list<ast::ExprId> parts = {});
  void deepen(ast::ExprId whole, ast::ExprId part);
  ast::ExprId signed_number(const Node& node);
  ast::ExprId access(const Node& node);
  ast::ExprId call(const Node& node);
  ast::ExprId prefix(const Node& node);
  ast::ExprId chain(const Node& node);
  ast::ExprId conditional(const Node& node);

  const Nodes& nodes_;
  SourceId source_;
  std::string_view text_;
  std::vector<std::uint16_t> depths_;  // of each expression
};

/// Paths, shapes, tensors and hooks.
class RuleBuilder : public ExprBuilder {
 protected:
  using ExprBuilder::ExprBuilder;

  ast::TemplateId path(const Node& node);
  ast::ShapeId shape(const Node& node);
  ast::TermId term(const Node& node);
  ast::Pipeline pipeline(Children& ops);
  ast::Side side(const Node& node);
  std::vector<ast::Allow> allows(Children& parts) const;

 private:
  ast::Part part(const Node& node);
  ast::DimId dim(const Node& node);
  std::vector<ast::DimId> dims(const Node& node);
  std::optional<ast::Name> block_size(Children& inside);
  ast::OpArgument op_argument(const Node& node);
};

}  // namespace rulec::grammar
