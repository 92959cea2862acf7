// SPDX-License-Identifier: Apache-2.0
// One walk over the statements of a pack and over the definitions that it imports. Imported rules are no part of it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "engine/rules/allows.h"
#include "engine/rules/definitions.h"
#include "engine/rules/option_type.h"
#include "engine/rules/resolver.h"
#include "engine/rules/rules.h"
#include "engine/scalar/op.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"
#include "grammar/source_order.h"

namespace rulec {
namespace {

class NameWalker {
 public:
  NameWalker(const Rules& rules, Diagnostics& diags) : rules_(rules), diags_(diags), resolver_(rules, diags) {}

  void walk() {
    const std::size_t errors = diags_.errors();
    const Site site{rules_.files.front(), 0};
    for (const NamedDefinition& one : definitions_of(site.file, 0)) {
      const Definition* known = rules_.find(one.name->text);
      definition(one.definition, known->span == one.name->span ? known : nullptr);
    }
    for (const ast::StatementId id : site.file.body) {
      if (!std::holds_alternative<ast::Let>(site.file[id].node)) statement(site, id);
    }
    imported();
    for (std::size_t i = 0; i < rules_.files.size(); ++i) {
      for (const NamedDefinition& one : definitions_of(rules_.files[i], i)) check_unique(*one.name);
    }
    report_cycles(rules_, resolver_.uses(), diags_);
    if (diags_.errors() == errors) unused();  // a misspelt name leaves the right one unused
  }

 private:
  void unused() {
    for (const Local& local : unused_)
      report(diags_, local.name.span, diag::UnusedDefinition, describe(local.kind), local.name.text);
    if (rules_.sides[0].empty()) return;  // a library is there for others to use
    report_unused_definitions(rules_, resolver_.uses(), diags_);
    report_unused_imports(rules_, resolver_.uses(), diags_);
  }

  // ---- definitions -------------------------------------------------------------------------------------------------

  /// What the pack needs of its imports, and what that needs in turn. The rest may speak of other packs' sides.
  void imported() {
    std::set<const Definition*> seen;
    for (std::size_t i = 0; i < resolver_.uses().size(); ++i) {  // the list grows
      const Definition* needed = resolver_.uses()[i].of;
      if (needed->file != 0 && seen.insert(needed).second) definition(*needed, needed);
    }
  }

  /// `known` is the same, unless its name is taken.
  void definition(const Definition& definition, const Definition* known) {
    const Site site{rules_.files[definition.file], definition.file, known};
    std::visit(Overloaded{
                   [&](const ast::Config& n) { config(site, n, definition); },
                   [&](const ast::Option& n) { option(site, n); },
                   [&](const ast::Let& n) { let(site, n.definitions[definition.entry]); },
                   [&](const ast::Hook& n) { hook(site, n); },
                   [&](const ast::Path& n) { path(site, n); },
                   [&](const ast::Block& n) { block(site, n); },
                   [](const auto&) {},
               },
               rules_.statement(definition).node);
  }

  void check_unique(const ast::Name& name) {
    const Definition& first = *rules_.find(name.text);
    if (first.span == name.span) return;
    // The place that is nearer to the pack comes first: it is the one to change.
    const bool is_same_file = first.span.source == name.span.source;
    report(diags_, is_same_file ? name.span : first.span, diag::DuplicateName, name.text)
        .also(is_same_file ? first.span : name.span, is_same_file ? "defined here first" : "and here");
  }

  void config(Site site, const ast::Config& config, const Definition& definition) {
    if (seen_configs_.insert(&config).second) {
      for (const ast::Key& section : config.sections) resolver_.side(section.parts.front());
    }
    site.in_config = true;
    resolver_.value(site, config.entries[definition.entry].value);
  }

  void option(const Site& site, const ast::Option& option) {
    resolver_.value(site, option.value);
    literals(site, option, option.value);
  }

  /// A literal among the values that a default may come to is wrong before any config is known.
  void literals(const Site& site, const ast::Option& option, ast::ExprId id) {
    const ast::Expr& expr = site.file[id];
    const auto check = [&](const Value& value) {
      if (!takes(option, value))
        report(diags_, expr.span, diag::BadOptionValue, option.name.text, to_string(value), taken_by(option));
    };
    std::visit(Overloaded{
                   [&](const ast::String& n) { check(Value(n.text)); },
                   [&](const ast::Bool& n) { check(Value(n.value)); },
                   [&](const ast::Binary& n) {
                     if (n.op != ast::BinaryOp::Else) return;
                     literals(site, option, n.left);
                     literals(site, option, n.right);
                   },
                   [&](const ast::Conditional& n) {
                     for (const ast::Branch& branch : n.branches) literals(site, option, branch.value);
                     literals(site, option, n.otherwise);
                   },
                   [](const auto&) {},
               },
               expr.node);
  }

  void let(const Site& site, const ast::Definition& definition) {
    const std::size_t mark = open(site, definition.parameters.value_or(std::vector<ast::Parameter>{}));
    resolver_.value(site, definition.value);
    close(site, mark);
  }

  void hook(const Site& site, const ast::Hook& hook) {
    if (find_op(hook.name.text) != nullptr) {
      report(diags_, hook.name.span, diag::DuplicateName, hook.name.text)
          .label("an op has this name")
          .help("rules could mean either: give the hook a name of its own");
    }
    const std::size_t mark = open(site, hook.parameters);
    resolver_.pipeline(site, hook.forward);
    if (hook.reverse) resolver_.pipeline(site, *hook.reverse);
    check_allows(hook.allows, diags_);
    close(site, mark);
  }

  void path(const Site& site, const ast::Path& path) {
    const std::size_t mark = open(site, path.parameters);
    for (const ast::PathBranch& branch : path.branches) {
      if (branch.condition) resolver_.value(site.perhaps(), *branch.condition);
      resolver_.path(path.branches.size() == 1 ? site : site.perhaps(), branch.path);
    }
    close(site, mark);
  }

  void block(const Site& site, const ast::Block& block) {
    const std::size_t mark = open(site, block.parameters);
    body(site, block.body);
    close(site, mark);
  }

  // ---- scopes ------------------------------------------------------------------------------------------------------

  /// Opens the scope of a definition's parameters. Their defaults are read in the namespace.
  std::size_t open(const Site& site, const std::vector<ast::Parameter>& parameters) {
    for (const ast::Parameter& parameter : parameters) {
      if (parameter.value) resolver_.value(site.perhaps(), *parameter.value);
    }
    const std::size_t mark = resolver_.scopes().open();
    for (const ast::Parameter& parameter : parameters) {
      if (const Local* first = resolver_.scopes().find(parameter.name.text))
        report(diags_, parameter.name.span, diag::DuplicateName, parameter.name.text)
            .also(first->name.span, "defined here first");
      resolver_.scopes().add({parameter.name, LocalKind::Parameter});
    }
    return mark;
  }

  /// Adds an index or a `let`, which should hide nothing.
  void add(const ast::Name& name, LocalKind kind) {
    const auto hides = [&](std::string_view what, Span span) {
      report(diags_, name.span, diag::ShadowedName, name.text, name.text)
          .label(fmt::format("this {}", describe(kind)))
          .also(span, fmt::format("the {} that it hides", what));
    };
    if (const Local* local = resolver_.scopes().find(name.text)) {
      hides(describe(local->kind), local->name.span);
    } else if (const Definition* definition = rules_.find(name.text)) {
      hides(describe(rules_, *definition), definition->span);
    }
    resolver_.scopes().add({name, kind});
  }

  void close(const Site& site, std::size_t mark) {
    for (const Local& local : resolver_.scopes().close(mark)) {
      if (!local.is_used && site.number == 0) unused_.push_back(local);
    }
  }

  void body(const Site& site, const ast::Body& body) {
    const std::size_t mark = resolver_.scopes().open();
    for (const ast::StatementId id : body) statement(site, id);
    close(site, mark);
  }

  // ---- statements --------------------------------------------------------------------------------------------------

  void statement(const Site& site, ast::StatementId id) {
    std::visit(Overloaded{
                   [&](const ast::Let& n) { local_lets(site, n); }, [&](const ast::For& n) { loop(site, n); },
                   [&](const ast::When& n) { when(site, n); }, [&](const ast::Use& n) { resolver_.use(site, n); },
                   [&](const ast::Prefix& n) { prefix(site, n); }, [&](const ast::Rule& n) { rule(site, n); },
                   [&](const ast::Ignore& n) { ignore(site, n); }, [&](const ast::Require& n) { require(site, n); },
                   [&](const ast::PackLine& n) { pack_line(n); }, [&](const ast::Preset& n) { preset(site, n); },
                   [&](const ast::Test& n) { test(site, n); }, [](const auto&) {},  // definitions
               },
               site.file[id].node);
  }

  void local_lets(const Site& site, const ast::Let& lets) {
    for (const ast::Definition& definition : lets.definitions) {
      if (definition.parameters) {
        report(diags_, definition.name.span, diag::Misplaced, fmt::format("the function `{}`", definition.name.text),
               "inside braces; functions stand outside");
        resolver_.forgive(definition.name.text);
        continue;
      }
      let(site, definition);
      add(definition.name, LocalKind::Let);
    }
  }

  void loop(const Site& site, const ast::For& loop) {
    const std::size_t mark = resolver_.scopes().open();
    for (const ast::Binder& binder : loop.binders) {
      std::visit(Overloaded{
                     [&](const ast::Range& range) {
                       resolver_.value(site, range.begin);
                       resolver_.value(site, range.end);
                     },
                     [&](const std::vector<ast::Label>& list) { labels(site, binder, list); },
                 },
                 binder.values);
      add(binder.index, LocalKind::Index);
    }
    if (loop.guard) resolver_.value(site, *loop.guard);
    body(site.perhaps(), loop.body);
    close(site, mark);
  }

  void labels(const Site& site, const ast::Binder& binder, const std::vector<ast::Label>& labels) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto first =
          std::ranges::find(labels, labels[i].text.text, [](const ast::Label& l) { return l.text.text; });
      if (first != labels.begin() + static_cast<std::ptrdiff_t>(i))
        report_twice(labels[i].text.text, labels[i].text.span, first->text.span);
    }
    for (const ast::Label& label : labels) {
      if (label.number) resolver_.value(site, *label.number);
    }
    if (std::ranges::any_of(labels, [](const ast::Label& label) { return label.number.has_value(); })) return;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (!labels[i].is_number || labels[i].text.text == std::to_string(i)) continue;
      const Span list = join(labels.front().text.span, labels.back().text.span);
      report(diags_, list, diag::NumberLabel, diags_.sources().text(list), labels[i].text.text,
             static_cast<std::int64_t>(i))
          .help(fmt::format("for the numbers themselves write `{} in {}`", binder.index.text, as_numbers(labels)));
      return;
    }
  }

  void report_twice(std::string_view name, Span second, Span first) {
    report(diags_, second, diag::DuplicateName, name).also(first, "here first");
  }

  /// What number labels most likely mean: `2..4`, `{0 = 0, 2 = 2}`.
  static std::string as_numbers(const std::vector<ast::Label>& labels) {
    std::vector<std::string> numbered;
    std::vector<std::int64_t> numbers;
    for (const ast::Label& label : labels) {
      const std::string& text = label.text.text;
      numbered.push_back(label.is_number ? fmt::format("{} = {}", text, text) : text);
      std::int64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      if (label.is_number) numbers.push_back(number);
    }
    bool is_range = numbers.size() == labels.size() && numbers.back() < std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 1; i < numbers.size(); ++i)
      is_range &= numbers[i - 1] < numbers[i] && numbers[i] - numbers[i - 1] == 1;
    if (is_range) return fmt::format("{}..{}", numbers.front(), numbers.back() + 1);
    return fmt::format("{{{}}}", fmt::join(numbered, ", "));
  }

  void when(const Site& site, const ast::When& when) {
    for (const ast::WhenBranch& branch : when.branches) {
      if (branch.condition) resolver_.value(site, *branch.condition);
      body(site.perhaps(), branch.body);
    }
  }

  /// Opens a scope with the indices that no loop binds, which only rules outside loops and blocks may have: in holes of
  /// both sides, since a name of one side tells the index and that of the other must print it.
  std::size_t open_unbound(const Site& site, const std::array<std::vector<ast::TemplateId>, 2>& paths) {
    const std::size_t mark = resolver_.scopes().open();
    if (site.by || resolver_.scopes().in_loop()) return mark;
    std::array<std::vector<ast::Name>, 2> names;
    for (std::size_t side = 0; side < paths.size(); ++side) {
      for (const ast::TemplateId path : paths[side]) resolver_.collect_unbound(site.file, path, names[side]);
    }
    for (std::size_t side = 0; side < paths.size(); ++side) {
      for (const ast::Name& name : names[side]) {
        const bool is_in_both =
            std::ranges::find(names[1 - side], name.text, &ast::Name::text) != names[1 - side].end();
        if (!is_in_both) resolver_.report_unbound(name);
        if (!is_in_both || side == 0) resolver_.scopes().add({name, LocalKind::Index, true});
      }
    }
    return mark;
  }

  void prefix(const Site& site, const ast::Prefix& prefix) {
    const std::size_t mark = open_unbound(site, {{{prefix.left}, {prefix.right}}});
    resolver_.path(site, prefix.left);
    resolver_.path(site, prefix.right);
    body(site, prefix.body);
    close(site, mark);
  }

  void rule(const Site& site, const ast::Rule& rule) {
    std::vector<ast::TermId> terms;
    std::array<std::vector<ast::TemplateId>, 2> paths;
    for (const ast::Side* side : {&rule.left, &rule.right}) {
      const auto* tensors = std::get_if<std::vector<ast::TermId>>(&side->node);
      if (tensors == nullptr) continue;
      for (const ast::TermId term : *tensors) {
        terms.push_back(term);
        paths[side == &rule.left ? 0 : 1].push_back(site.file[term].path);
      }
    }
    if (terms.empty()) {
      report(diags_, join(rule.left.span, rule.right.span), diag::WrongType, "a tensor on one side", "numbers on both");
    }
    const std::size_t mark = open_unbound(site, paths);
    for (const ast::TermId term : terms) resolver_.term(site, term);
    if (rule.condition) resolver_.value(site, *rule.condition);
    check_allows(rule.allows, diags_);
    close(site, mark);
  }

  void ignore(const Site& site, const ast::Ignore& ignore) {
    resolver_.side(ignore.side);
    if (ignore.condition) resolver_.value(site, *ignore.condition);
  }

  void require(const Site& site, const ast::Require& require) {
    resolver_.value(site, require.condition);
    if (require.why) return;
    const Span span = site.file[require.condition].span;
    report(diags_, span, diag::RequireWithoutWhy, diags_.sources().text(span))
        .help("say what would go wrong, in quotes behind the condition");
  }

  // ---- presets and tests -------------------------------------------------------------------------------------------

  void pack_line(const ast::PackLine& line) {
    if (line.left.text == line.right.text) report_twice(line.left.text, line.right.span, line.left.span);
  }

  void preset(const Site& site, const ast::Preset& preset) {
    const auto [first, is_new] = presets_.try_emplace(preset.name.text, preset.name.span);
    if (!is_new) report_twice(preset.name.text, preset.name.span, first->second);
    for (const ast::PresetEntry& entry : preset.entries) {
      const ast::Name& first = entry.key.parts.front();
      entry.key.parts.size() == 1 ? resolver_.pack_value(first) : resolver_.side(first);
      resolver_.value(site, entry.value);
    }
  }

  void test(const Site& site, const ast::Test& test) {
    for (const ast::ConfigEntry& entry : test.with) {
      resolver_.pack_value(entry.name);
      resolver_.value(site, entry.value);
    }
    for (const ast::TestSide& side : test.sides) {
      resolver_.side(side.side);
      std::map<std::string_view, Span> seen;  // as written
      for (const ast::Expected& tensor : side.tensors) {
        resolver_.path(site, tensor.path);
        const Span span = site.file[tensor.path].span;
        const auto [first, is_new] = seen.try_emplace(diags_.sources().text(span), span);
        if (!is_new) report_twice(first->first, span, first->second);
      }
    }
  }

  const Rules& rules_;
  Diagnostics& diags_;
  Resolver resolver_;
  std::set<const ast::Config*> seen_configs_;  // whose sections were looked at
  std::map<std::string, Span> presets_;
  std::vector<Local> unused_;  // of the pack's own file
};

}  // namespace

Status resolve_names(const Rules& rules, Diagnostics& diags) {
  const std::size_t filed = diags.all().size();
  const std::size_t errors = diags.errors();
  NameWalker(rules, diags).walk();
  sort_by_place(diags, filed);
  if (diags.errors() != errors) return diags.failed();
  return Done{};
}

}  // namespace rulec
