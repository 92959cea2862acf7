// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/resolver.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "engine/rules/arguments.h"
#include "engine/rules/definitions.h"
#include "engine/scalar/op.h"
#include "engine/tensor/numbers.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

#include <rulec/tensor.h>

namespace rulec {
namespace {

struct BuiltIn {
  std::string_view name;
  std::size_t least;
  std::size_t most;
};

constexpr std::size_t AnyNumber = std::numeric_limits<std::size_t>::max();
constexpr std::array BuiltIns{
    BuiltIn{"sqrt", 1, 1},        BuiltIn{"exp", 1, 1},  BuiltIn{"log", 1, 1},  BuiltIn{"min", 1, AnyNumber},
    BuiltIn{"max", 1, AnyNumber}, BuiltIn{"len", 1, 1},  BuiltIn{"ceil", 1, 1}, BuiltIn{"has", 1, 1},
    BuiltIn{"f32", 1, 1},         BuiltIn{"bf16", 1, 1}, BuiltIn{"f16", 1, 1},
};

/// What types are called elsewhere.
std::string_view type_meant(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> Synonyms[] = {
      {"bfloat16", "bf16"},
      {"float16", "f16"},
      {"half", "f16"},
      {"float32", "f32"},
      {"float", "f32"},
      {"float64", "f64"},
      {"double", "f64"},
      {"int8", "i8"},
      {"int16", "i16"},
      {"int32", "i32"},
      {"int", "i32"},
      {"int64", "i64"},
      {"uint8", "u8"},
      {"uint16", "u16"},
      {"uint32", "u32"},
      {"uint64", "u64"},
      {"float8_e4m3fn", "f8_e4m3"},
      {"float8_e5m2", "f8_e5m2"},
  };
  for (const auto& [foreign, ours] : Synonyms) {
    if (name == foreign) return ours;
  }
  return {};
}

bool is_hook(const Rules&, const Definition& definition) {
  return definition.kind == DefinitionKind::Hook;
}
bool is_path(const Rules&, const Definition& definition) {
  return definition.kind == DefinitionKind::Path;
}
bool is_block(const Rules&, const Definition& definition) {
  return definition.kind == DefinitionKind::Block;
}

}  // namespace

// ---- expressions -------------------------------------------------------------------------------------------------

void Resolver::value(const Site& site, ast::ExprId expr) {
  std::visit([&](const auto& n) { node(site, n); }, site.file[expr].node);
}

void Resolver::node(const Site& site, const ast::Key& key) {
  if (site.in_config) return;
  const ast::Name& first = key.parts.front();
  if (key.parts.size() == 1) return name(site, first, "index or name");
  if (sides().empty() || rules_.side(first.text)) return;
  unresolved("side", first, sides()).note("a key is read from a side, as in `" + rules_.sides[1] + ".key`");
}

void Resolver::node(const Site& site, const ast::Element& element) {
  value(site, element.of);
  value(site, element.index);
}

void Resolver::node(const Site& site, const ast::Call& call) {
  const Definition* found = rules_.find(call.function.text);
  if (forgiven_.contains(call.function.text)) return arguments(site, call.arguments);
  if (found != nullptr && is_function(rules_, *found)) {
    note_call(site, call.function, *found, call.arguments);
  } else if (const auto at = std::ranges::find(BuiltIns, call.function.text, &BuiltIn::name);
             found == nullptr && at != BuiltIns.end()) {
    check_count("the function", call.function, given(site.file, call.arguments), at->least, at->most, diags_);
  } else {
    std::vector<std::string> functions = defined(is_function);
    for (const BuiltIn& built_in : BuiltIns) functions.emplace_back(built_in.name);
    unresolved("function", call.function, std::move(functions));
  }
  arguments(site, call.arguments);
}

void Resolver::node(const Site& site, const ast::Unary& unary) {
  value(site, unary.of);
}

void Resolver::node(const Site& site, const ast::Binary& binary) {
  const bool may_skip =
      binary.op == ast::BinaryOp::And || binary.op == ast::BinaryOp::Or || binary.op == ast::BinaryOp::Else;
  value(site, binary.left);
  value(may_skip ? site.perhaps() : site, binary.right);
}

void Resolver::node(const Site& site, const ast::Conditional& conditional) {
  for (const ast::Branch& branch : conditional.branches) {
    const bool is_first = &branch == &conditional.branches.front();
    value(is_first ? site : site.perhaps(), branch.condition);
    value(site.perhaps(), branch.value);
  }
  value(site.perhaps(), conditional.otherwise);
}

void Resolver::arguments(const Site& site, const std::vector<ast::Argument>& arguments) {
  for (const ast::Argument& argument : arguments) value(site, argument.value);
}

void Resolver::name(const Site& site, const ast::Name& name, std::string_view what) {
  if (scopes_.use(name.text)) return;
  const Definition* found = rules_.find(name.text);
  if (found == nullptr || !(is_value(rules_, *found) || is_function(rules_, *found))) {
    unresolved(what, name, values());
  } else if (is_function(rules_, *found)) {
    note_call(site, name, *found, std::vector<ast::Argument>{});
  } else {
    note(site, *found, name.span);
  }
}

void Resolver::note(const Site& site, const Definition& definition, Span span) {
  uses_.push_back({site.by, &definition, site.is_certain, span});
}

void Resolver::note_call(const Site& site, const ast::Name& name, const Definition& definition, const auto& arguments) {
  note(site, definition, name.span);
  const std::string what = "the " + std::string(describe(rules_, definition));
  check_arguments({what, name, *parameters_of(rules_, definition), definition.span}, given(site.file, arguments),
                  diags_);
}

// ---- paths and shapes --------------------------------------------------------------------------------------------

void Resolver::path(const Site& site, ast::TemplateId path) {
  for (const ast::Segment& segment : site.file[path].segments) {
    for (const ast::Part& one : segment.parts) std::visit([&](const auto& n) { part(site, n); }, one.node);
  }
}

void Resolver::part(const Site& site, const ast::Bracket& bracket) {
  value(site, bracket.index);
  value(site, bracket.axis);
}

void Resolver::part(const Site& site, const ast::PathUse& use) {
  const Definition* found = rules_.find(use.path.text);
  if (found != nullptr && found->kind == DefinitionKind::Path) {
    note_call(site, use.path, *found, use.arguments);
  } else {
    unresolved("path", use.path, defined(is_path));
  }
  arguments(site, use.arguments);
}

void Resolver::shape(const Site& site, ast::ShapeId shape) {
  dims(site, site.file[shape].dims);
}

void Resolver::dims(const Site& site, const std::vector<ast::DimId>& dims) {
  for (const ast::DimId id : dims)
    std::visit([&](const auto& n) { dim(site, site.file[id].span, n); }, site.file[id].node);
}

void Resolver::dim(const Site& site, Span span, const ast::Axis& axis) {
  name(site, axis.name, "axis");
  if (axis.block) in_blocks(site, span, *axis.block);
}

void Resolver::dim(const Site& site, Span span, const ast::Group& group) {
  Site inside = site;
  inside.in_blocks |= group.block.has_value();
  for (const std::vector<ast::DimId>& summand : group.summands) dims(inside, summand);
  if (group.pad) value(site, *group.pad);
  if (group.block) in_blocks(site, span, *group.block);
}

void Resolver::in_blocks(const Site& site, Span span, const ast::Name& block) {
  if (!site.in_argument) {
    report(diags_, span, diag::Misplaced, "an axis in blocks", "outside a tensor argument")
        .note("one cell of it stands for many cells of the axis: it is read beside them, never moved")
        .help("a hook reads it, as in `fp8(q_proj.weight_scale_inv : [X//128 D//128])`");
  } else if (site.in_blocks) {
    report(diags_, span, diag::Misplaced, "a block", "within a group in blocks")
        .help("blocks of blocks are larger blocks: `(X Y)//12` for `(X Y//3)//4` where Y is a multiple of 3");
  }
  const bool is_number = std::isdigit(static_cast<unsigned char>(block.text.front())) != 0;
  if (!is_number) name(site, block, "axis");
}

void Resolver::collect_unbound(const ast::File& file, ast::TemplateId path, std::vector<ast::Name>& names) const {
  for (const ast::Segment& segment : file[path].segments) {
    for (const ast::Part& part : segment.parts) {
      if (const auto* hole = std::get_if<ast::Hole>(&part.node)) collect_unbound(file, hole->index, names);
    }
  }
}

void Resolver::collect_unbound(const ast::File& file, ast::ExprId expr, std::vector<ast::Name>& names) const {
  const auto& node = file[expr].node;
  if (const auto* key = std::get_if<ast::Key>(&node); key && key->parts.size() == 1) {
    const ast::Name& name = key->parts.front();
    const bool is_known = scopes_.find(name.text) || rules_.find(name.text) ||
                          std::ranges::find(names, name.text, &ast::Name::text) != names.end();
    if (!is_known) names.push_back(name);
  } else if (const auto* unary = std::get_if<ast::Unary>(&node)) {
    collect_unbound(file, unary->of, names);
  } else if (const auto* binary = std::get_if<ast::Binary>(&node)) {
    collect_unbound(file, binary->left, names);
    collect_unbound(file, binary->right, names);
  }
}

// ---- tensors, hooks, blocks --------------------------------------------------------------------------------------

void Resolver::term(const Site& site, ast::TermId id) {
  const ast::Term& term = site.file[id];
  path(site, term.path);
  if (term.shape) shape(site, *term.shape);
  pipeline(site, term.hooks);
}

void Resolver::pipeline(const Site& site, const ast::Pipeline& pipeline) {
  for (const ast::Op& one : pipeline) op(site, one);
}

void Resolver::op(const Site& site, const ast::Op& op) {
  const Definition* found = rules_.find(op.name.text);
  if (found != nullptr && found->kind == DefinitionKind::Hook) {
    note_call(site, op.name, *found, op.arguments);
    return op_arguments(site, op);
  }
  const OpDef* def = found == nullptr ? find_op(op.name.text) : nullptr;
  if (def == nullptr) {
    std::vector<std::string> hooks = defined(is_hook);
    for (const OpDef* one : all_ops()) hooks.emplace_back(one->name);
    unresolved("hook or op", op.name, std::move(hooks));
    return op_arguments(site, op);
  }
  check_count("the op", op.name, given(site.file, op.arguments), static_cast<std::size_t>(def->min_arguments),
              static_cast<std::size_t>(def->max_arguments), diags_);
  if (def->arguments != OpArguments::Type) return op_arguments(site, op);
  for (const ast::OpArgument& argument : op.arguments) type_name(site, argument);
}

void Resolver::op_arguments(const Site& site, const ast::Op& op) {
  for (const ast::OpArgument& argument : op.arguments) {
    std::visit(Overloaded{
                   [&](ast::ExprId expr) { value(site, expr); },
                   [&](ast::TermId tensor) {
                     Site inside = site;
                     inside.in_argument = true;
                     term(inside, tensor);
                   },
               },
               argument.value);
  }
}

/// The argument of `cast`.
void Resolver::type_name(const Site& site, const ast::OpArgument& argument) {
  const auto* expr = std::get_if<ast::ExprId>(&argument.value);
  const auto* key = expr ? std::get_if<ast::Key>(&site.file[*expr].node) : nullptr;
  if (key == nullptr || key->parts.size() != 1) {
    const Span span = std::visit([&](auto id) { return site.file[id].span; }, argument.value);
    report(diags_, span, diag::WrongType, "a type such as `bf16`", fmt::format("`{}`", diags_.sources().text(span)));
    return;
  }
  const ast::Name& name = key->parts.front();
  std::vector<std::string> types;
  for (const DType type : all_dtypes()) {
    if (is_writable(type)) types.emplace_back(rule_name(type));
  }
  if (const std::optional<DType> type = find_dtype(name.text)) {
    if (is_writable(*type)) return;
    report(diags_, name.span, diag::WrongType, "a type that numbers can be written in", fmt::format("`{}`", name.text))
        .note(fmt::format("there is `{}`", fmt::join(types, "`, `")));
    return;
  }
  if (const std::string_view ours = type_meant(name.text); !ours.empty()) {
    report(diags_, name.span, diag::UnresolvedName, "type", name.text).label(fmt::format("did you mean `{}`?", ours));
    return;
  }
  unresolved("type", name, std::move(types));
}

void Resolver::use(const Site& site, const ast::Use& use) {
  const Definition* found = rules_.find(use.block.text);
  if (found != nullptr && found->kind == DefinitionKind::Block) {
    note_call(site, use.block, *found, use.arguments);
  } else {
    unresolved("block", use.block, defined(is_block));
  }
  arguments(site, use.arguments);
}

}  // namespace rulec
