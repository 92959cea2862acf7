// SPDX-License-Identifier: Apache-2.0
#include "grammar/tree.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec::grammar {
namespace {

/// Chains of operators may be this deep, so that whoever walks an expression may do it by recursion.
constexpr std::uint16_t MaxExprDepth = 500;

class Builder {
 public:
  Builder(const Nodes& nodes, SourceId source, Diagnostics& diags)
      : nodes_(nodes), source_(source), text_(diags.sources()[source].text()), diags_(diags) {}

  ast::File file(const Node& node) {
    file_.source = source_;
    Children statements(nodes_, node);
    while (const Node* child = statements.take()) file_.body.push_back(statement(*child));
    return std::move(file_);
  }

 private:
  // ---- words -----------------------------------------------------------------------------------------------------

  Span span(const Node& node) const { return {source_, node.begin, node.end}; }
  std::string_view text(const Node& node) const {
    return std::string_view(text_).substr(node.begin, node.end - node.begin);
  }
  Children children(const Node& node) const { return Children(nodes_, node); }
  ast::Name name(const Node& node) const { return {std::string(text(node)), span(node)}; }

  /// What stands between quotes, escapes undone.
  static std::string unquoted(std::string_view quoted) {
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
  std::optional<std::string> string(const Node* node) const {
    if (!node) return std::nullopt;
    return unquoted(text(*node));
  }

  /// The digits of a number without its sign, if the number fits into 64 bits.
  std::string_view number(const Node& node) {
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
    if (error != std::errc{}) report(diags_, span(node), diag::NumberTooLarge, text(node));
    return digits;
  }

  static std::pair<double, std::errc> real(std::string_view text) {
    double value = 0;
    const std::errc error = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    return {value, error};
  }

  // ---- expressions -----------------------------------------------------------------------------------------------

  template <class T>
  ast::ExprId add_expr(Span span, T node, std::initializer_list<ast::ExprId> parts = {}) {
    std::uint16_t depth = 0;
    for (const ast::ExprId part : parts) depth = std::max(depth, depths_[static_cast<std::size_t>(part)]);
    if (++depth == MaxExprDepth) report(diags_, span, diag::TooDeep, MaxExprDepth);
    depths_.push_back(depth);
    file_.exprs.push_back({span, std::move(node)});
    return static_cast<ast::ExprId>(file_.exprs.size() - 1);
  }

  ast::ExprId expr(const Node& node) {
    switch (node.kind) {
      case Kind::Number:
        return add_expr(span(node), ast::Number{std::string(number(node))});
      case Kind::SignedNumber:
        return signed_number(node);
      case Kind::String:
        return add_expr(span(node), ast::String{unquoted(text(node))});
      case Kind::Bool:
        return add_expr(span(node), ast::Bool{text(node) == "true"});
      case Kind::Parens:
        return expr(*children(node).take());
      case Kind::Key:
        return add_expr(span(node), key(node));
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

  ast::ExprId signed_number(const Node& node) {
    const std::string digits(number(node));
    const Span whole = span(node);
    const bool is_negative = text(node).starts_with('-');
    const Span unsigned_span = {source_, static_cast<std::uint32_t>(whole.end - digits.size()), whole.end};
    const ast::ExprId value = add_expr(unsigned_span, ast::Number{digits});
    return is_negative ? add_expr(whole, ast::Unary{ast::UnaryOp::Negate, value}, {value}) : value;
  }

  ast::Key key(const Node& node) const {
    ast::Key key;
    Children parts = children(node);
    while (const Node* part = parts.take()) key.parts.push_back(name(*part));
    return key;
  }

  ast::ExprId access(const Node& node) {
    Children parts = children(node);
    ast::ExprId of = expr(*parts.take());
    while (const Node* subscript = parts.take()) {
      Children inside = children(*subscript);
      ast::Element element{of, expr(*inside.take()), {}};
      while (const Node* member = inside.take()) element.members.push_back(name(*member));
      of = add_expr({source_, node.begin, subscript->end}, element, {of, element.index});
    }
    return of;
  }

  ast::ExprId call(const Node& node) {
    Children parts = children(node);
    ast::Call call{name(*parts.take()), {}};
    call.arguments = arguments(*parts.take());
    const ast::ExprId id = add_expr(span(node), call);
    for (const ast::Argument& argument : call.arguments) deepen(id, argument.value);
    return id;
  }

  void deepen(ast::ExprId whole, ast::ExprId part) {
    std::uint16_t& depth = depths_[static_cast<std::size_t>(whole)];
    depth = std::max<std::uint16_t>(depth, depths_[static_cast<std::size_t>(part)] + 1);
  }

  std::vector<ast::Argument> arguments(const Node& node) {
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
  ast::ExprId prefix(const Node& node) {
    std::vector<const Node*> operators;
    Children parts = children(node);
    while (const Node* op = parts.take(Kind::Operator)) operators.push_back(op);
    ast::ExprId of = expr(*parts.take());
    const ast::UnaryOp op = node.kind == Kind::Not ? ast::UnaryOp::Not : ast::UnaryOp::Negate;
    for (; !operators.empty(); operators.pop_back()) {
      of = add_expr({source_, operators.back()->begin, node.end}, ast::Unary{op, of}, {of});
    }
    return of;
  }

  /// Operands with operators between them, from left to right.
  ast::ExprId chain(const Node& node) {
    Children parts = children(node);
    ast::ExprId left = expr(*parts.take());
    while (const Node* next = parts.take()) {
      const ast::BinaryOp op = binary(node.kind, next->kind == Kind::Operator ? text(*next) : std::string_view());
      if (next->kind == Kind::Operator) next = parts.take();
      const ast::ExprId right = expr(*next);
      left = add_expr({source_, node.begin, next->end}, ast::Binary{op, left, right}, {left, right});
    }
    return left;
  }

  static ast::BinaryOp binary(Kind level, std::string_view op) {
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

  ast::ExprId conditional(const Node& node) {
    ast::Conditional out;
    Children parts = children(node);
    while (const Node* branch = parts.take(Kind::Branch)) {
      Children inside = children(*branch);
      const ast::ExprId condition = expr(*inside.take());
      out.branches.push_back({condition, expr(*inside.take())});
    }
    out.otherwise = expr(*parts.take());
    const ast::ExprId id = add_expr(span(node), out, {out.otherwise});
    for (const ast::Branch& branch : out.branches) {
      deepen(id, branch.condition);
      deepen(id, branch.value);
    }
    return id;
  }

  // ---- paths and shapes ------------------------------------------------------------------------------------------

  ast::TemplateId path(const Node& node) {
    ast::Template out{span(node), {}};
    Children segments = children(node);
    while (const Node* child = segments.take()) {
      ast::Segment segment;
      Children parts = children(*child);
      while (const Node* part = parts.take()) segment.parts.push_back(this->part(*part));
      out.segments.push_back(std::move(segment));
    }
    file_.templates.push_back(std::move(out));
    return static_cast<ast::TemplateId>(file_.templates.size() - 1);
  }

  ast::Part part(const Node& node) {
    Children inside = children(node);
    switch (node.kind) {
      case Kind::Quoted:
        return {span(node), ast::Text{unquoted(text(node))}};
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

  ast::ShapeId shape(const Node& node) {
    ast::Shape out{span(node), dims(node)};
    file_.shapes.push_back(std::move(out));
    return static_cast<ast::ShapeId>(file_.shapes.size() - 1);
  }

  std::vector<ast::DimId> dims(const Node& node) {
    std::vector<ast::DimId> out;
    Children list = children(node);
    while (const Node* child = list.take()) out.push_back(dim(*child));
    return out;
  }

  ast::DimId dim(const Node& node) {
    ast::Dim out{span(node), ast::Unit{}};
    Children inside = children(node);
    if (node.kind == Kind::Axis) {
      ast::Axis axis{name(*inside.take()), {}};
      if (const Node* block = inside.take()) {
        if (block->kind == Kind::Number) number(*block);
        axis.block = name(*block);
      }
      out.node = std::move(axis);
    } else if (node.kind == Kind::Group) {
      ast::Group group;
      while (const Node* summand = inside.take(Kind::Summand)) group.summands.push_back(dims(*summand));
      if (const Node* pad = inside.take(Kind::Pad)) group.pad = expr(*children(*pad).take());
      out.node = std::move(group);
    }
    file_.dims.push_back(std::move(out));
    return static_cast<ast::DimId>(file_.dims.size() - 1);
  }

  // ---- rules -----------------------------------------------------------------------------------------------------

  ast::TermId term(const Node& node) {
    ast::Term out{span(node), {}, {}, {}};
    Children parts = children(node);
    out.path = path(*parts.take());
    if (const Node* given = parts.take(Kind::Shape)) out.shape = shape(*given);
    out.hooks = pipeline(parts);
    file_.terms.push_back(std::move(out));
    return static_cast<ast::TermId>(file_.terms.size() - 1);
  }

  ast::Pipeline pipeline(Children& ops) {
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

  ast::OpArgument op_argument(const Node& node) {
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

  ast::Side side(const Node& node) {
    Children parts = children(node);
    if (parts.peek()->kind == Kind::SignedNumber) return {span(node), expr(*parts.take())};
    std::vector<ast::TermId> terms;
    while (const Node* child = parts.take()) terms.push_back(term(*child));
    return {span(node), std::move(terms)};
  }

  std::optional<ast::ExprId> guard(Children& parts) {
    const Node* node = parts.take(Kind::Guard);
    return node ? std::optional(expr(*children(*node).take())) : std::nullopt;
  }

  std::vector<ast::Allow> allows(Children& parts) const {
    std::vector<ast::Allow> out;
    while (const Node* node = parts.take(Kind::Allow)) {
      Children inside = children(*node);
      const std::string id(text(*inside.take()));
      out.push_back({span(*node), id, string(inside.take())});
    }
    return out;
  }

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
      report(diags_, head.arrow_span, diag::Syntax, "`->` in front of a body")
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
      const ast::Term& term = file_[terms->front()];
      if (!term.shape && term.hooks.empty()) return term.path;
    }
    report(diags_, side.span, diag::Syntax, "a path alone on each side of a body");
    return {};
  }

  // ---- statements ------------------------------------------------------------------------------------------------

  ast::StatementId statement(const Node& node) {
    check_place(node);
    ++(node.kind == Kind::Pack ? packs_ : others_);
    ast::Statement out{span(node), any(node)};
    file_.statements.push_back(std::move(out));
    return static_cast<ast::StatementId>(file_.statements.size() - 1);
  }

  void check_place(const Node& node) {
    const std::string word = fmt::format("`{}`", text(node).substr(0, text(node).find_first_of(" \t\r\n\"")));
    switch (node.kind) {
      case Kind::Pack:
        if (depth_ > 0) break;
        if (packs_ > 0)
          report(diags_, span(node), diag::Misplaced, word, "here a second time; a file is one pack");
        else if (others_ > 0)
          report(diags_, span(node), diag::Misplaced, word, "behind other statements; it comes first");
        return;
      case Kind::Import:
      case Kind::Config:
      case Kind::Option:
      case Kind::Hook:
      case Kind::Path:
      case Kind::BlockDefinition:
      case Kind::Preset:
      case Kind::Test:
        break;
      default:
        return;
    }
    if (depth_ > 0) report(diags_, span(node), diag::Misplaced, word, "inside braces; definitions stand outside");
  }

  ast::Body body(const Node& node) {
    ast::Body out;
    ++depth_;
    Children statements = children(node);
    while (const Node* child = statements.take()) out.push_back(statement(*child));
    --depth_;
    return out;
  }

  Any any(const Node& node) {
    Children parts = children(node);
    switch (node.kind) {
      case Kind::Pack:
        return pack(parts);
      case Kind::Import:
        return ast::Import{*string(parts.take())};
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
    while (const Node* value = values.take()) out.values.push_back(unquoted(text(*value)));
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
    return {unquoted(text(node)), span(node)};
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
    out.title = unquoted(text(*parts.take()));
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

  ast::Ignore ignore(Children& parts) {
    ast::Ignore out;
    out.side = name(*parts.take());
    while (const Node* glob = parts.take(Kind::Glob)) out.globs.push_back({span(*glob), std::string(text(*glob))});
    out.condition = guard(parts);
    return out;
  }

  const Nodes& nodes_;
  SourceId source_;
  const std::string& text_;
  Diagnostics& diags_;
  ast::File file_;
  std::vector<std::uint16_t> depths_;  // of each expression
  std::size_t packs_ = 0;
  std::size_t others_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

ast::File build_tree(const Nodes& nodes, SourceId source, Diagnostics& diags) {
  return Builder(nodes, source, diags).file(nodes.root());
}

}  // namespace rulec::grammar
