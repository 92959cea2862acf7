// SPDX-License-Identifier: Apache-2.0
#include "grammar/tree_builder.h"

namespace rulec::grammar {

ast::TemplateId RuleBuilder::path(const Node& node) {
  ast::Template out{span(node), {}};
  Children segments = children(node);
  while (const Node* child = segments.take()) {
    ast::Segment segment;
    Children parts = children(*child);
    while (const Node* part = parts.take()) segment.parts.push_back(this->part(*part));
    out.segments.push_back(std::move(segment));
  }
  tree.templates.push_back(std::move(out));
  return static_cast<ast::TemplateId>(tree.templates.size() - 1);
}

ast::Part RuleBuilder::part(const Node& node) {
  Children inside = children(node);
  switch (node.kind) {
    case Kind::Quoted:
      return {span(node), ast::Text{string(node)}};
    case Kind::Hole:
      return {span(node), ast::Hole{expr(*inside.take())}};
    case Kind::Bracket: {
      const ast::ExprId index = expr(*inside.take());
      return {span(node), ast::Bracket{index, expr(*inside.take())}};
    }
    case Kind::PathUse: {
      ast::PathUse use{name(*inside.take()), {}};
      use.arguments = arguments(*inside.take());
      return {span(node), std::move(use)};
    }
    default:
      return {span(node), ast::Text{std::string(text(node))}};
  }
}

ast::ShapeId RuleBuilder::shape(const Node& node) {
  ast::Shape out{span(node), dims(node)};
  tree.shapes.push_back(std::move(out));
  return static_cast<ast::ShapeId>(tree.shapes.size() - 1);
}

std::vector<ast::DimId> RuleBuilder::dims(const Node& node) {
  std::vector<ast::DimId> out;
  Children list = children(node);
  while (const Node* child = list.take()) out.push_back(dim(*child));
  return out;
}

ast::DimId RuleBuilder::dim(const Node& node) {
  ast::Dim out{span(node), ast::Unit{}};
  Children inside = children(node);
  if (node.kind == Kind::Axis) {
    ast::Axis axis{name(*inside.take()), {}};
    axis.block = block_size(inside);
    out.node = std::move(axis);
  } else if (node.kind == Kind::Group) {
    ast::Group group;
    while (const Node* summand = inside.take(Kind::Summand)) group.summands.push_back(dims(*summand));
    if (const Node* pad = inside.take(Kind::Pad)) group.pad = expr(*children(*pad).take());
    group.block = block_size(inside);
    out.node = std::move(group);
  }
  tree.dims.push_back(std::move(out));
  return static_cast<ast::DimId>(tree.dims.size() - 1);
}

std::optional<ast::Name> RuleBuilder::block_size(Children& inside) {
  const Node* block = inside.take();
  if (block == nullptr) return std::nullopt;
  if (block->kind == Kind::Number) number(*block);
  return name(*block);
}

ast::TermId RuleBuilder::term(const Node& node) {
  ast::Term out{span(node), {}, {}, {}};
  Children parts = children(node);
  out.path = path(*parts.take());
  if (const Node* given = parts.take(Kind::Shape)) out.shape = shape(*given);
  out.hooks = pipeline(parts);
  tree.terms.push_back(std::move(out));
  return static_cast<ast::TermId>(tree.terms.size() - 1);
}

ast::Pipeline RuleBuilder::pipeline(Children& ops) {
  ast::Pipeline out;
  while (const Node* child = ops.take(Kind::Op)) {
    Children parts = children(*child);
    ast::Op op{span(*child), name(*parts.take()), {}};
    if (const Node* list = parts.take(Kind::Args)) {
      Children arguments = children(*list);
      while (const Node* argument = arguments.take()) op.arguments.push_back(op_argument(*argument));
    }
    out.push_back(std::move(op));
  }
  return out;
}

ast::OpArgument RuleBuilder::op_argument(const Node& node) {
  Children parts = children(node);
  ast::OpArgument out{{}, ast::ExprId{}};
  if (const Node* as = parts.take(Kind::Name)) out.name = name(*as);
  const Node& value = *parts.take();
  if (value.kind == Kind::Term) {
    out.value = term(value);
  } else {
    out.value = expr(value);
  }
  return out;
}

ast::Side RuleBuilder::side(const Node& node) {
  Children parts = children(node);
  if (parts.peek()->kind == Kind::SignedNumber) return {span(node), expr(*parts.take())};
  std::vector<ast::TermId> terms;
  while (const Node* child = parts.take()) terms.push_back(term(*child));
  return {span(node), std::move(terms)};
}

std::vector<ast::Allow> RuleBuilder::allows(Children& parts) const {
  std::vector<ast::Allow> out;
  while (const Node* node = parts.take(Kind::Allow)) {
    Children inside = children(*node);
    const std::string id(text(*inside.take()));
    out.push_back({span(*node), id, string(inside.take())});
  }
  return out;
}

}  // namespace rulec::grammar
