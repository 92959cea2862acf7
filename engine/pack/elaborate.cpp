// SPDX-License-Identifier: Apache-2.0
// The walk: runs loops, conditions, blocks and prefixes, and works every rule out for every value of its indices.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/pack/drafter.h"
#include "engine/pack/unbound.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// Of all loops together.
constexpr std::int64_t MaxTurns = 10'000'000;

/// Statements take more stack than expressions: a body within a body counts as so many levels.
constexpr int StatementLevels = 4;

/// How deep blocks may stand in one another.
constexpr std::size_t MaxUses = 64;

class Walker {
 public:
  Walker(const Rules& rules, const Inputs& inputs, Diagnostics& diags)
      : rules_(rules), inputs_(inputs), diags_(diags), evaluator_(rules, inputs, diags), drafter_(evaluator_, inputs) {}

  Result<Draft> walk() {
    bool good = true;
    for (const ast::File& file : rules_.files) {
      for (const ast::StatementId id : file.body) good &= static_cast<bool>(statement(file, id, {}));
    }
    if (!good || !drafter_.check_brackets()) return diags_.failed();
    return std::move(drafter_.draft());
  }

  Evaluator& evaluator() { return evaluator_; }

 private:
  Status body(const ast::File& file, const ast::Body& body, const Prefixes& prefixes) {
    bool good = true;
    ++braces_;
    for (const ast::StatementId id : body) {
      const bool done = static_cast<bool>(statement(file, id, prefixes));
      good &= done;
      if (!done && std::holds_alternative<ast::Let>(file[id].node)) break;  // what follows lacks its names
    }
    --braces_;
    if (!good) return diags_.failed();
    return Done{};
  }

  Status statement(const ast::File& file, ast::StatementId id, const Prefixes& prefixes) {
    const ast::Statement& s = file[id];
    if (braces_ == 0) evaluator_.work_for(s.span);
    const Evaluator::Level level(evaluator_, {}, StatementLevels);
    if (!evaluator_.admit(s.span)) return diags_.failed();
    const bool is_library = file.source != rules_.files.front().source;
    return std::visit(
        Overloaded{
            [&](const ast::For& n) { return loop(file, n, prefixes); },
            [&](const ast::When& n) { return when(file, n, prefixes); },
            [&](const ast::Use& n) { return use(file, s, n, prefixes); },
            [&](const ast::Prefix& n) { return prefix(file, n, prefixes); },
            [&](const ast::Rule& n) { return rule(file, s, n, prefixes); },
            [&](const ast::Ignore& n) { return ignore(file, n); },
            [&](const ast::Require& n) { return require(file, n); },
            [&](const ast::Let& n) { return local_let(file, n); },
            [&](const auto&) -> Status { return Done{}; },  // definitions are evaluated when they are used
        },
        is_library && around_.uses == 0 ? Overlooked : s.node);
  }

  // ---- statements that hold others ----------------------------------------------------------------------------------

  Status loop(const ast::File& file, const ast::For& loop, const Prefixes& prefixes) {
    return bind_next(file, loop, 0, prefixes);
  }

  Status bind_next(const ast::File& file, const ast::For& loop, std::size_t binder, const Prefixes& prefixes) {
    if (binder == loop.binders.size()) return guarded(file, loop, prefixes);
    const ast::Binder& b = loop.binders[binder];
    return std::visit(
        Overloaded{
            [&](const ast::Range& range) { return over_range(file, loop, binder, range, prefixes); },
            [&](const std::vector<ast::Label>& labels) { return over_labels(file, loop, binder, labels, prefixes); },
        },
        b.values);
  }

  Status over_range(const ast::File& file, const ast::For& loop, std::size_t binder, const ast::Range& range,
                    const Prefixes& prefixes) {
    Result<std::int64_t> begin = evaluator_.whole(file, range.begin, "the beginning of a range");
    Result<std::int64_t> end = evaluator_.whole(file, range.end, "the end of a range");
    if (!begin || !end) return diags_.failed();
    if (!around_.is_measured) {
      evaluator_.trace().reach(join(file[range.begin].span, file[range.end].span), loop.binders[binder].index.text,
                               *begin < *end);
    }
    if (*begin >= *end) return Done{};
    const FamilyIndex index{loop.binders[binder].index.text, loop.binders[binder].index.span, {}};
    std::int64_t turns = 0;
    if (__builtin_sub_overflow(*end, *begin, &turns)) turns = std::numeric_limits<std::int64_t>::max();
    if (!count_turns(index.span, turns)) return diags_.failed();
    for (std::int64_t i = *begin; i < *end; ++i) {
      if (!iterate(file, loop, binder, index, i, std::nullopt, std::max<std::int64_t>(*end, 0), prefixes))
        return diags_.failed();
    }
    return Done{};
  }

  Status over_labels(const ast::File& file, const ast::For& loop, std::size_t binder,
                     const std::vector<ast::Label>& labels, const Prefixes& prefixes) {
    FamilyIndex index{loop.binders[binder].index.text, loop.binders[binder].index.span, {}};
    std::int64_t next = 0;
    std::int64_t extent = 0;
    for (const ast::Label& label : labels) {
      if (label.number) {
        Result<std::int64_t> number = evaluator_.whole(file, *label.number, "the number of a label");
        if (!number) return diags_.failed();
        next = *number;
      }
      if (next < 0 || next == std::numeric_limits<std::int64_t>::max()) {
        const Span span = label.number ? file[*label.number].span : label.text.span;
        return report(diags_, span, diag::IndexOutOfRange, label.text.text, std::to_string(next),
                      next < 0 ? "the numbers of labels count from 0" : "no axis is so long");
      }
      for (std::size_t i = 0; i < index.labels.size(); ++i) {
        if (index.labels[i].first != next) continue;
        return report(diags_, label.text.span, diag::DuplicateName, fmt::format("{} = {}", index.name, next))
            .label(fmt::format("`{}` is number {} too", label.text.text, next))
            .also(labels[i].text.span, fmt::format("`{}` is number {}", labels[i].text.text, next))
            .help("labels that say no number count on from the one before");
      }
      index.labels.emplace_back(next++, label.text.text);
      extent = std::max(extent, next);
    }
    if (!count_turns(index.span, static_cast<std::int64_t>(labels.size()))) return diags_.failed();
    for (const auto& [value, text] : index.labels) {
      if (!iterate(file, loop, binder, index, value, text, extent, prefixes)) return diags_.failed();
    }
    return Done{};
  }

  Status count_turns(Span place, std::int64_t turns) {
    if (__builtin_add_overflow(turns_, turns, &turns_)) turns_ = std::numeric_limits<std::int64_t>::max();
    if (turns_ <= MaxTurns) return Done{};
    return report(diags_, place, diag::TooManyIndices, fmt::format("the loops run over {} index values", turns_),
                  MaxTurns);
  }

  Status iterate(const ast::File& file, const ast::For& loop, std::size_t binder, const FamilyIndex& index,
                 std::int64_t value, std::optional<std::string> label, std::int64_t extent, const Prefixes& prefixes) {
    Binding binding{index.name, Rational{value, 1}, true, extent, std::move(label), true, false};
    const Evaluator::Scope scope(evaluator_, std::move(binding));
    around_.loops.push_back({&index, value});
    const Status done = bind_next(file, loop, binder + 1, prefixes);
    around_.loops.pop_back();
    return done;
  }

  Status guarded(const ast::File& file, const ast::For& loop, const Prefixes& prefixes) {
    if (!loop.guard) return body(file, loop.body, prefixes);
    Result<bool> holds = evaluator_.condition(file, *loop.guard);
    if (!holds) return diags_.failed();
    if (*holds) return conditional(file, loop.body, prefixes);
    return measure_only(file, loop.body, prefixes);
  }

  Status conditional(const ast::File& file, const ast::Body& chosen, const Prefixes& prefixes) {
    ++around_.conditions;
    const Status done = body(file, chosen, prefixes);
    --around_.conditions;
    return done;
  }

  /// Guards do not shorten an index axis: what a guard leaves out still counts for the lengths. Its faults do not.
  Status measure_only(const ast::File& file, const ast::Body& skipped, const Prefixes& prefixes) {
    const Evaluator::Trial trial(evaluator_);
    const bool outer = std::exchange(around_.is_measured, true);
    (void)body(file, skipped, prefixes);
    around_.is_measured = outer;
    return Done{};
  }

  Status when(const ast::File& file, const ast::When& when, const Prefixes& prefixes) {
    for (const ast::WhenBranch& branch : when.branches) {
      if (branch.condition) {
        Result<bool> holds = evaluator_.condition(file, *branch.condition);
        if (!holds) return diags_.failed();
        if (!*holds) continue;
      }
      const Evaluator::Scope scope(evaluator_, {}, true);
      return conditional(file, branch.body, prefixes);
    }
    return Done{};
  }

  Status use(const ast::File& file, const ast::Statement& statement, const ast::Use& use, const Prefixes& prefixes) {
    const Definition* found = rules_.find(use.block.text);
    if (found == nullptr || found->kind != DefinitionKind::Block) {
      return report(diags_, use.block.span, diag::UnresolvedName, "block", use.block.text);
    }
    if (around_.uses >= MaxUses)
      return report(diags_, use.block.span, diag::DefinitionCycle, use.block.text,
                    fmt::format("{0} -> {0}", use.block.text))
          .note(fmt::format("it does so without an end, or more than {} deep", MaxUses));
    const ast::File& home = rules_.files[found->file];
    const auto& block = std::get<ast::Block>(rules_.statement(*found).node);
    Result<std::vector<Binding>> arguments = evaluator_.bind(file, use.arguments, home, block.parameters);
    if (!arguments) return diags_.failed();
    const Evaluator::Scope scope(evaluator_, *std::move(arguments), false);
    const std::size_t outer = std::exchange(around_.use_path, drafter_.use_path(around_.use_path, statement));
    ++around_.uses;
    evaluator_.enter_use(statement.span);
    const Status done = body(home, block.body, prefixes);
    evaluator_.leave_use();
    --around_.uses;
    around_.use_path = outer;
    return done;
  }

  Status prefix(const ast::File& file, const ast::Prefix& prefix, const Prefixes& prefixes) {
    const auto paths = [&] { return std::array{std::vector{prefix.left}, std::vector{prefix.right}}; };
    return over_unbound(file, paths, prefixes, true, [&]() -> Status {
      Result<PathValue> left = append_path(evaluator_, file, prefixes[0], prefix.left);
      Result<PathValue> right = append_path(evaluator_, file, prefixes[1], prefix.right);
      if (!left || !right) return diags_.failed();
      const Evaluator::Scope scope(evaluator_, {}, true);
      const auto outer = std::exchange(around_.block, join(file[prefix.left].span, file[prefix.right].span));
      const Status done = body(file, prefix.body, {*std::move(left), *std::move(right)});
      around_.block = outer;
      return done;
    });
  }

  /// Runs `action` for every value of the indices that no loop binds. `paths` gives the templates of both sides.
  template <class Paths, class Action>
  Status over_unbound(const ast::File& file, const Paths& paths, const Prefixes& prefixes, bool as_prefix,
                      const Action& action) {
    if (!around_.loops.empty() || around_.uses > 0) return action();
    const UnboundQuery query{file, paths(), {prefixes[0].name, prefixes[1].name}, as_prefix};
    const std::vector<ast::Name> names = unbound_indices(evaluator_, query);
    if (names.empty()) return action();
    const auto found = unbound_values(evaluator_, query, names, inputs_.catalogues);
    if (!found) return diags_.failed();
    std::vector<FamilyIndex> indices;
    for (const ast::Name& name : names) indices.push_back({name.text, name.span, {}});
    for (const std::vector<std::int64_t>& values : *found) {
      std::vector<Binding> bindings;
      for (std::size_t i = 0; i < names.size(); ++i) {
        bindings.push_back({names[i].text, Rational{values[i], 1}, true, values[i] + 1, std::nullopt, true, false});
        around_.loops.push_back({&indices[i], values[i]});
      }
      const Evaluator::Scope scope(evaluator_, std::move(bindings), true);
      const Status done = action();
      around_.loops.resize(around_.loops.size() - names.size());
      if (!done) return done;
    }
    return Done{};
  }

  // ---- single statements --------------------------------------------------------------------------------------------

  Status local_let(const ast::File& file, const ast::Let& let) {
    if (braces_ == 0) return Done{};  // of the namespace
    for (const ast::Definition& definition : let.definitions) {
      Result<Binding> binding = evaluator_.bind_value(file, definition.value, definition.name.text);
      if (!binding) return diags_.failed();
      binding->is_index = false;  // `let x = kind` is a number
      binding->label.reset();
      binding->is_index_expression = false;
      evaluator_.add(*std::move(binding));
    }
    return Done{};
  }

  Status require(const ast::File& file, const ast::Require& require) {
    if (around_.is_measured || (inputs_.is_trial && evaluator_.reads_config(file, require.condition))) return Done{};
    Result<Value> value = evaluator_.evaluate(file, require.condition);
    if (!value) return diags_.failed();
    const Span span = file[require.condition].span;
    if (!has_value(*value)) return evaluator_.report_no_value(span, "a `require`");
    const bool* truth = std::get_if<bool>(&*value);
    if (truth == nullptr) return report(diags_, span, diag::WrongType, "a condition", to_string(*value));
    if (*truth) return Done{};
    Finding finding = evaluator_.citing(report(diags_, span, diag::RequireFailed, diags_.sources().text(span)), file,
                                        require.condition);
    finding = evaluator_.from_uses(finding);
    if (require.why) finding.note(*require.why);
    return finding;
  }

  Status ignore(const ast::File& file, const ast::Ignore& ignore) {
    if (around_.is_measured) return Done{};
    if (!evaluator_.admit(ignore.side.span, static_cast<std::int64_t>(10 * ignore.globs.size())))
      return diags_.failed();
    if (ignore.condition) {
      Result<bool> holds = evaluator_.condition(file, *ignore.condition);
      if (!holds) return diags_.failed();
      if (!*holds) return Done{};
    }
    const std::optional<SideId> side = rules_.side(ignore.side.text);
    if (!side) return report(diags_, ignore.side.span, diag::UnknownSide, rules_.name, ignore.side.text);
    for (const ast::Glob& glob : ignore.globs) drafter_.draft().ignored.push_back({*side, glob.pattern, glob.span});
    return Done{};
  }

  Status rule(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule, const Prefixes& prefixes) {
    const auto paths = [&] { return std::array{paths_of(file, rule.left), paths_of(file, rule.right)}; };
    return over_unbound(file, paths, prefixes, false, [&]() -> Status {
      if (rule.condition) {
        Result<bool> holds = evaluator_.condition(file, *rule.condition);
        if (!holds) return diags_.failed();
        if (!*holds) return Done{};
      }
      return drafter_.add(file, statement, rule, prefixes, around_);
    });
  }

  static std::vector<ast::TemplateId> paths_of(const ast::File& file, const ast::Side& side) {
    std::vector<ast::TemplateId> paths;
    if (const auto* terms = std::get_if<std::vector<ast::TermId>>(&side.node)) {
      for (const ast::TermId term : *terms) paths.push_back(file[term].path);
    }
    return paths;
  }

  inline static const decltype(ast::Statement::node) Overlooked{
      ast::Import{}};  // a library's rules stand in its blocks only

  const Rules& rules_;
  const Inputs& inputs_;
  Diagnostics& diags_;
  Evaluator evaluator_;
  Drafter drafter_;
  Surroundings around_;
  std::int64_t turns_ = 0;  // of all loops
  int braces_ = 0;          // around this place
};

}  // namespace

Result<Pack> elaborate(const Rules& rules, const Inputs& inputs, Diagnostics& diags) {
  Trace trace;
  return elaborate(rules, inputs, trace, diags);
}

Result<Pack> elaborate(const Rules& rules, const Inputs& inputs, Trace& trace, Diagnostics& diags) {
  const std::size_t before = diags.all().size();
  Walker walker(rules, inputs, diags);
  Result<Draft> draft = walker.walk();
  Result<Pack> pack = draft ? assemble(rules, *std::move(draft), diags) : Result<Pack>(diags.failed());
  diags.deduplicate(before);
  if (!pack) return diags.failed();
  for (const auto& [name, definition] : rules.definitions) {
    if (definition.kind != DefinitionKind::Option) continue;
    Result<Value> value = walker.evaluator().option(name);
    if (!value) return diags.failed();
    pack->options.emplace(name, *std::move(value));
  }
  pack->sizes = walker.evaluator().used_sizes();
  const Trace& met = walker.evaluator().trace();
  trace.fallbacks.insert(trace.fallbacks.end(), met.fallbacks.begin(), met.fallbacks.end());
  for (const auto& [place, range] : met.ranges) trace.reach(range.span, range.index, range.ran);
  return pack;
}

}  // namespace rulec
