// SPDX-License-Identifier: Apache-2.0
#include "grammar/tree.h"

#include <variant>

#include "grammar/messages.h"
#include "grammar/tree_builder.h"

namespace rulec::grammar {
namespace {

class StatementBuilder : public RuleBuilder {
 public:
  using RuleBuilder::RuleBuilder;

  ast::File file(const Node& node) {
    tree.body = statements(node);
    return std::move(tree);
  }

 private:
  using Any = decltype(ast::Statement::node);

  Any rule_or_prefix(const Node& node) {
    Children parts = children(node);
    ast::Rule rule{side(*parts.take()), ast::Arrow::Both, {}, {}, {}, {}};
    const Node& arrow = *parts.take();
    rule.arrow = text(arrow) == "->" ? ast::Arrow::Both : text(arrow) == "=>" ? ast::Arrow::Right : ast::Arrow::Left;
    rule.arrow_span = span(arrow);
    rule.right = side(*parts.take());
    if (const Node* body = parts.take(Kind::Body)) return prefix(rule, *body);
    rule.condition = guard(parts);
    rule.allows = allows(parts);
    return rule;
  }

  ast::Prefix prefix(const ast::Rule& head, const Node& body) {
    if (head.arrow != ast::Arrow::Both) {
      report(diags, head.arrow_span, diag::Syntax, "`->` in front of a body")
          .help("say `=>` or `<=` in the rules inside");
    }
    ast::Prefix out{bare(head.left), bare(head.right), {}};
    out.body = this->body(body);
    return out;
  }

  /// The path that a side of a prefix consists of.
  ast::TemplateId bare(const ast::Side& side) {
    const auto* terms = std::get_if<std::vector<ast::TermId>>(&side.node);
    if (terms && terms->size() == 1) {
      const ast::Term& term = tree[terms->front()];
      if (!term.shape && term.hooks.empty()) return term.path;
    }
    report(diags, side.span, diag::Syntax, "a path alone on each side of a body");
    return {};
  }

  ast::StatementId statement(const Node& node) {
    check_place(node);
    ++(node.kind == Kind::Pack ? packs_ : others_);
    ast::Statement out{span(node), any(node)};
    tree.statements.push_back(std::move(out));
    return static_cast<ast::StatementId>(tree.statements.size() - 1);
  }

  void check_place(const Node& node) {
    switch (node.kind) {
      case Kind::Pack:
        if (depth_ == 0 && packs_ > 0) misplaced(node, "here a second time; a file is one pack");
        if (depth_ == 0 && packs_ == 0 && others_ > 0) misplaced(node, "behind other statements; it comes first");
        [[fallthrough]];
      case Kind::Import:
      case Kind::Config:
      case Kind::Option:
      case Kind::Hook:
      case Kind::Path:
      case Kind::BlockDefinition:
      case Kind::Preset:
      case Kind::Test:
        if (depth_ > 0) misplaced(node, "inside braces; definitions stand outside");
        return;
      default:
        return;
    }
  }

  void misplaced(const Node& node, std::string_view where) {
    const std::string_view word = text(node).substr(0, text(node).find_first_of(" \t\r\n\"#"));
    const Span keyword{tree.source, node.begin, static_cast<std::uint32_t>(node.begin + word.size())};
    report(diags, keyword, diag::Misplaced, fmt::format("`{}`", word), where);
  }

  ast::Body body(const Node& node) {
    ++depth_;
    ast::Body out = statements(node);
    --depth_;
    return out;
  }

  ast::Body statements(const Node& node) {
    ast::Body out;
    Children list = children(node);
    while (const Node* child = list.take()) {
      if (child->kind == Kind::Headless) {
        headless(*child);
      } else {
        out.push_back(statement(*child));
      }
    }
    return out;
  }

  /// What was in front of these bodies could not be read, so the tree is lost; what there is to say inside them is not.
  void headless(const Node& node) {
    Children parts = children(node);
    body(*parts.take());
    when(parts);
  }

  Any any(const Node& node) {
    Children parts = children(node);
    switch (node.kind) {
      case Kind::Pack:
        return pack(parts);
      case Kind::Import:
        return ast::Import{string(*parts.take())};
      case Kind::Config:
        return config(parts);
      case Kind::Option:
        return option(parts);
      case Kind::Let:
        return let(parts);
      case Kind::Hook:
        return hook(parts);
      case Kind::Path:
        return path_definition(parts);
      case Kind::BlockDefinition:
        return block(parts);
      case Kind::Preset:
        return preset(parts);
      case Kind::Test:
        return test(parts);
      case Kind::For:
        return for_loop(parts);
      case Kind::When:
        return when(parts);
      case Kind::Use:
        return use(parts);
      case Kind::Ignore:
        return ignore(parts);
      case Kind::Require: {
        const ast::ExprId condition = expr(*parts.take());
        return ast::Require{condition, string(parts.take())};
      }
      default:
        return rule_or_prefix(node);
    }
  }

  ast::PackLine pack(Children& parts) const {
    ast::PackLine out;
    out.name = name(*parts.take());
    out.left = name(*parts.take());
    out.right = name(*parts.take());
    out.title = string(parts.take());
    return out;
  }

  ast::ConfigEntry entry(const Node& node) {
    Children parts = children(node);
    ast::Name as = name(*parts.take());
    return {std::move(as), expr(*parts.take())};
  }

  ast::Config config(Children& parts) {
    ast::Config out;
    while (const Node* section = parts.take(Kind::Key)) out.sections.push_back(key(*section));
    while (const Node* child = parts.take()) out.entries.push_back(entry(*child));
    return out;
  }

  ast::Option option(Children& parts) {
    ast::Option out;
    out.name = name(*parts.take());
    const Node& type = *parts.take();
    out.type = type.kind == Kind::TypeBool  ? ast::Option::Type::Bool
               : type.kind == Kind::TypeInt ? ast::Option::Type::Int
                                            : ast::Option::Type::Set;
    Children values = children(type);
    while (const Node* value = values.take()) out.values.push_back(string(*value));
    out.value = expr(*parts.take());
    out.doc = string(parts.take());
    return out;
  }

  std::optional<std::vector<ast::Parameter>> parameters(Children& parts) {
    const Node* list = parts.take(Kind::Params);
    if (!list) return std::nullopt;
    std::vector<ast::Parameter> out;
    Children params = children(*list);
    while (const Node* child = params.take()) {
      Children inside = children(*child);
      ast::Parameter parameter{name(*inside.take()), {}};
      if (const Node* value = inside.take()) parameter.value = expr(*value);
      out.push_back(std::move(parameter));
    }
    return out;
  }

  ast::Let let(Children& parts) {
    ast::Let out;
    while (const Node* child = parts.take()) {
      Children inside = children(*child);
      ast::Definition definition{name(*inside.take()), {}, {}};
      definition.parameters = parameters(inside);
      definition.value = expr(*inside.take());
      out.definitions.push_back(std::move(definition));
    }
    return out;
  }

  ast::Hook hook(Children& parts) {
    ast::Hook out;
    out.name = name(*parts.take());
    out.parameters = parameters(parts).value_or(std::vector<ast::Parameter>());
    out.forward = pipeline(parts);
    if (const Node* reverse = parts.take(Kind::Reverse)) {
      Children ops = children(*reverse);
      out.reverse = pipeline(ops);
    }
    out.allows = allows(parts);
    return out;
  }

  ast::Path path_definition(Children& parts) {
    ast::Path out;
    out.name = name(*parts.take());
    out.parameters = parameters(parts).value_or(std::vector<ast::Parameter>());
    while (const Node* child = parts.take()) {
      if (child->kind == Kind::Template) {
        out.branches.push_back({std::nullopt, path(*child)});
        continue;
      }
      Children inside = children(*child);
      std::optional<ast::ExprId> condition;
      if (inside.peek()->kind != Kind::Template) condition = expr(*inside.take());
      out.branches.push_back({condition, path(*inside.take())});
    }
    return out;
  }

  ast::Block block(Children& parts) {
    ast::Block out;
    out.name = name(*parts.take());
    out.parameters = parameters(parts).value_or(std::vector<ast::Parameter>());
    out.body = body(*parts.take());
    return out;
  }

  ast::Name label_name(const Node& node) {
    if (node.kind == Kind::Number) number(node);
    if (node.kind != Kind::String) return name(node);
    return {string(node), span(node)};
  }

  ast::Preset preset(Children& parts) {
    ast::Preset out;
    out.name = label_name(*parts.take());
    while (const Node* child = parts.take()) {
      Children inside = children(*child);
      ast::Key key = this->key(*inside.take());
      out.entries.push_back({std::move(key), expr(*inside.take())});
    }
    return out;
  }

  ast::NumberList numbers(const Node& node) {
    if (node.kind == Kind::SignedNumber) {
      const double value = real(number(node)).first;
      return {text(node).starts_with('-') ? -value : value};
    }
    std::vector<ast::NumberList> out;
    Children list = children(node);
    while (const Node* child = list.take()) out.push_back(numbers(*child));
    return {std::move(out)};
  }

  ast::Test test(Children& parts) {
    ast::Test out;
    out.title = string(*parts.take());
    while (const Node* child = parts.take(Kind::Entry)) out.with.push_back(entry(*child));
    while (const Node* child = parts.take()) {
      Children inside = children(*child);
      ast::TestSide side{name(*inside.take()), {}};
      while (const Node* tensor = inside.take()) {
        Children pair = children(*tensor);
        const ast::TemplateId path = this->path(*pair.take());
        side.tensors.push_back({path, numbers(*pair.take())});
      }
      out.sides.push_back(std::move(side));
    }
    return out;
  }

  ast::Binder binder(const Node& node) {
    Children parts = children(node);
    ast::Binder out{name(*parts.take()), {}};
    const Node& values = *parts.take();
    Children inside = children(values);
    if (values.kind == Kind::Range) {
      const ast::ExprId begin = expr(*inside.take());
      out.values = ast::Range{begin, expr(*inside.take())};
      return out;
    }
    std::vector<ast::Label> labels;
    while (const Node* child = inside.take()) {
      Children pair = children(*child);
      const Node& label = *pair.take();
      labels.push_back({label_name(label), label.kind == Kind::Number, {}});
      if (const Node* number = pair.take()) labels.back().number = expr(*number);
    }
    out.values = std::move(labels);
    return out;
  }

  ast::For for_loop(Children& parts) {
    ast::For out;
    while (const Node* child = parts.take(Kind::Binder)) out.binders.push_back(binder(*child));
    out.guard = guard(parts);
    out.body = body(*parts.take());
    return out;
  }

  ast::When when(Children& parts) {
    ast::When out;
    while (const Node* child = parts.take()) {
      Children inside = children(*child);
      std::optional<ast::ExprId> condition;
      if (inside.peek()->kind != Kind::Body) condition = expr(*inside.take());
      out.branches.push_back({condition, body(*inside.take())});
    }
    return out;
  }

  ast::Use use(Children& parts) {
    ast::Use out{name(*parts.take()), {}};
    if (const Node* list = parts.take(Kind::Args)) out.arguments = arguments(*list);
    return out;
  }

  ast::Glob glob(const Node& node) {
    ast::Glob out{span(node), std::string(text(node)), {}};
    std::uint32_t begin = 0;
    Children quoted = children(node);
    while (const Node* part = quoted.take()) {
      out.pattern.append(out.text, begin, part->begin - node.begin - begin).append(string(*part));
      begin = part->end - node.begin;
    }
    out.pattern.append(out.text, begin);
    return out;
  }

  ast::Ignore ignore(Children& parts) {
    ast::Ignore out;
    out.side = name(*parts.take());
    while (const Node* glob = parts.take(Kind::Glob)) out.globs.push_back(this->glob(*glob));
    out.condition = guard(parts);
    return out;
  }

  std::size_t packs_ = 0;
  std::size_t others_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

ast::File build_tree(const Nodes& nodes, SourceId source, Diagnostics& diags) {
  return StatementBuilder(nodes, source, diags).file(nodes.root());
}

}  // namespace rulec::grammar
