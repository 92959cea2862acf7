// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rules/rules.h"
#include "engine/rules/scopes.h"
#include "engine/rules/uses.h"

namespace rulec {

/// Where a name stands.
struct Site {
  const ast::File& file;
  std::size_t number = 0;          ///< of the file
  const Definition* by = nullptr;  ///< the definition that it is a part of, if any
  bool is_certain = true;          ///< evaluating `by` evaluates what stands here
  bool in_config = false;          ///< bare words are keys of a config
  bool in_argument = false;        ///< a tensor argument of a hook, whose axes may stand in blocks
  bool in_blocks = false;          ///< a group in blocks, whose axes may not

  /// The same place behind a condition.
  Site perhaps() const {
    Site site = *this;
    site.is_certain = false;
    return site;
  }
};

/// Looks up the names of expressions, paths, shapes and hooks: local ones first, then the pack's. What is found is
/// noted as a use, what is not is reported once for each place: R0202, R0214, R0223; and R0105 for what stands nowhere.
class Resolver {
 public:
  Resolver(const Rules& rules, Diagnostics& diags) : rules_(rules), diags_(diags) {}

  Scopes& scopes() { return scopes_; }
  const std::vector<Use>& uses() const { return uses_; }

  void value(const Site& site, ast::ExprId expr);
  void path(const Site& site, ast::TemplateId path);
  void shape(const Site& site, ast::ShapeId shape);
  void term(const Site& site, ast::TermId id);
  void pipeline(const Site& site, const ast::Pipeline& pipeline);
  void use(const Site& site, const ast::Use& use);

  /// A name that must stand for a value of the pack, as in `preset` and `test`. No use: to give a value is not to need
  /// one.
  void pack_value(const ast::Name& name);

  /// A side where only sides may stand; a wrong one is reported where it stands first. Nothing to say about a library,
  /// which has none.
  void side(const ast::Name& name);

  /// The names in the holes of a path that nothing defines, each once: indices that range over the checkpoint.
  void collect_unbound(const ast::File& file, ast::TemplateId path, std::vector<ast::Name>& names) const;

  /// Reports an index that no loop binds and that stands in holes of one side only: R0202.
  void report_unbound(const ast::Name& name);

  /// Calls of this function are no mistakes of their own: its definition was reported.
  void forgive(const std::string& function) { forgiven_.insert(function); }

 private:
  using Kinds = bool (*)(const Rules&, const Definition&);

  void node(const Site& site, const ast::Key& key);
  void node(const Site& site, const ast::Element& element);
  void node(const Site& site, const ast::Call& call);
  void node(const Site& site, const ast::Unary& unary);
  void node(const Site& site, const ast::Binary& binary);
  void node(const Site& site, const ast::Conditional& conditional);
  template <class Literal>
  void node(const Site&, const Literal&) {}

  void part(const Site& site, const ast::Hole& hole) { value(site, hole.index); }
  void part(const Site& site, const ast::Bracket& bracket);
  void part(const Site& site, const ast::PathUse& use);
  void part(const Site&, const ast::Text&) {}

  void dim(const Site& site, Span span, const ast::Axis& axis);
  void dim(const Site& site, Span span, const ast::Group& group);
  void in_blocks(const Site& site, Span span, const ast::Name& block);
  void dim(const Site&, Span, const ast::Unit&) {}
  void dims(const Site& site, const std::vector<ast::DimId>& dims);

  void op(const Site& site, const ast::Op& op);
  void op_arguments(const Site& site, const ast::Op& op);
  void type_name(const Site& site, const ast::OpArgument& argument);

  /// A local name or one for a value; `what` is what was asked for.
  void name(const Site& site, const ast::Name& name, std::string_view what);
  void arguments(const Site& site, const std::vector<ast::Argument>& arguments);

  void note(const Site& site, const Definition& definition, Span span);
  void note_call(const Site& site, const ast::Name& name, const Definition& definition, const auto& arguments);
  void collect_unbound(const ast::File& file, ast::ExprId expr, std::vector<ast::Name>& names) const;

  std::vector<std::string> defined(Kinds kinds) const;
  std::vector<std::string> values() const;
  Finding unresolved(std::string_view what, const ast::Name& name, std::vector<std::string> candidates);
  void suggest(Finding& finding, const ast::Name& name, const std::vector<std::string>& candidates) const;
  std::vector<std::string> sides() const;

  const Rules& rules_;
  Diagnostics& diags_;
  Scopes scopes_;
  std::vector<Use> uses_;
  std::set<std::string> unknown_sides_;  // that were reported
  std::set<std::string> forgiven_;       // functions whose definition was reported
};

}  // namespace rulec
