// SPDX-License-Identifier: Apache-2.0
// The walk: runs loops, conditions, blocks and prefixes, and works every rule out for every value of its indices.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/pack/draft.h"
#include "engine/pack/unbound.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

constexpr std::int64_t MaxIterations = 10'000'000;

/// What stands in front of the paths of a rule: the prefixes of both sides.
using Prefixes = std::array<PathValue, 2>;

struct Loop {
  FamilyIndex index;
  std::int64_t value = 0;
};

class Walker {
 public:
  Walker(const Rules& rules, const Inputs& inputs, Diagnostics& diags)
      : rules_(rules), inputs_(inputs), diags_(diags), evaluator_(rules, inputs, diags) {}

  Result<Draft> walk() {
    bool good = true;
    for (const ast::File& file : rules_.files) {
      for (const ast::StatementId id : file.body) good &= static_cast<bool>(statement(file, id, {}));
    }
    if (!good) return diags_.failed();
    return std::move(draft_);
  }

  Evaluator& evaluator() { return evaluator_; }

 private:
  Status body(const ast::File& file, const ast::Body& body, const Prefixes& prefixes) {
    bool good = true;
    for (const ast::StatementId id : body) good &= static_cast<bool>(statement(file, id, prefixes));
    if (!good) return diags_.failed();
    return Done{};
  }

  Status statement(const ast::File& file, ast::StatementId id, const Prefixes& prefixes) {
    const ast::Statement& s = file[id];
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
        is_library && chain_.empty() ? Overlooked : s.node);
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
    const ast::Name& name = loop.binders[binder].index;
    iterations_ += std::max<std::int64_t>(0, *end - *begin);
    if (*end - *begin > MaxIterations || iterations_ > MaxIterations) {
      return report(diags_, name.span, diag::TooManyIndices, fmt::format("the loops run over {}", iterations_),
                    MaxIterations);
    }
    for (std::int64_t i = *begin; i < *end; ++i) {
      if (!iterate(file, loop, binder, {}, i, std::max<std::int64_t>(*end, 0), prefixes)) return diags_.failed();
    }
    return Done{};
  }

  Status over_labels(const ast::File& file, const ast::For& loop, std::size_t binder,
                     const std::vector<ast::Label>& labels, const Prefixes& prefixes) {
    std::vector<std::int64_t> numbers;
    std::int64_t next = 0;
    for (const ast::Label& label : labels) {
      if (label.number) {
        Result<std::int64_t> number = evaluator_.whole(file, *label.number, "the number of a label");
        if (!number) return diags_.failed();
        next = *number;
      }
      numbers.push_back(next++);
    }
    const std::int64_t extent = *std::ranges::max_element(numbers) + 1;
    std::vector<std::string> texts(static_cast<std::size_t>(std::max<std::int64_t>(extent, 0)));
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (numbers[i] >= 0) texts[static_cast<std::size_t>(numbers[i])] = labels[i].text.text;
    }
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (!iterate(file, loop, binder, texts, numbers[i], extent, prefixes)) return diags_.failed();
    }
    return Done{};
  }

  Status iterate(const ast::File& file, const ast::For& loop, std::size_t binder,
                 const std::vector<std::string>& labels, std::int64_t value, std::int64_t extent,
                 const Prefixes& prefixes) {
    const ast::Name& name = loop.binders[binder].index;
    Binding binding{name.text, Rational{value, 1}, true, extent, std::nullopt, true, false};
    if (!labels.empty()) binding.label = labels[static_cast<std::size_t>(value)];
    const Evaluator::Scope scope(evaluator_, {std::move(binding)}, true);
    loops_.push_back({{name.text, name.span, labels}, value});
    const Status done = bind_next(file, loop, binder + 1, prefixes);
    loops_.pop_back();
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
    ++conditions_;
    const Status done = body(file, chosen, prefixes);
    --conditions_;
    return done;
  }

  /// Guards do not shorten an index axis: what a guard leaves out still counts for the lengths. Its faults do not.
  Status measure_only(const ast::File& file, const ast::Body& skipped, const Prefixes& prefixes) {
    const std::size_t before = diags_.all().size();
    const bool outer = std::exchange(measuring_, true);
    (void)body(file, skipped, prefixes);
    measuring_ = outer;
    diags_.truncate(before);
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
    if (chain_.size() >= 64)
      return report(diags_, use.block.span, diag::DefinitionCycle, use.block.text, "it uses itself without an end");
    const ast::File& home = rules_.files[found->file];
    const auto& block = std::get<ast::Block>(rules_.statement(*found).node);
    Result<std::vector<Binding>> arguments = evaluator_.bind(file, use.arguments, home, block.parameters);
    if (!arguments) return diags_.failed();
    const Evaluator::Scope scope(evaluator_, *std::move(arguments), false);
    chain_.push_back(statement.span);
    const Status done = body(home, block.body, prefixes);
    chain_.pop_back();
    return done;
  }

  Status prefix(const ast::File& file, const ast::Prefix& prefix, const Prefixes& prefixes) {
    return over_unbound(file, {prefix.left}, {prefix.right}, prefixes, true, [&]() -> Status {
      Result<PathValue> left = append_path(evaluator_, file, prefixes[0], prefix.left);
      Result<PathValue> right = append_path(evaluator_, file, prefixes[1], prefix.right);
      if (!left || !right) return diags_.failed();
      const Evaluator::Scope scope(evaluator_, {}, true);
      return body(file, prefix.body, {*std::move(left), *std::move(right)});
    });
  }

  /// Runs `action` for every value of the indices that no loop binds.
  template <class Action>
  Status over_unbound(const ast::File& file, std::vector<ast::TemplateId> left, std::vector<ast::TemplateId> right,
                      const Prefixes& prefixes, bool as_prefix, const Action& action) {
    if (!loops_.empty() || !chain_.empty()) return action();
    const UnboundQuery query{
        file, {std::move(left), std::move(right)}, {prefixes[0].name, prefixes[1].name}, as_prefix};
    const std::vector<ast::Name> names = unbound_indices(evaluator_, query);
    if (names.empty()) return action();
    for (const std::vector<std::int64_t>& values : unbound_values(evaluator_, query, names, inputs_.catalogues)) {
      std::vector<Binding> bindings;
      for (std::size_t i = 0; i < names.size(); ++i) {
        bindings.push_back({names[i].text, Rational{values[i], 1}, true, values[i] + 1, std::nullopt, true, false});
        loops_.push_back({{names[i].text, names[i].span, {}}, values[i]});
      }
      const Evaluator::Scope scope(evaluator_, std::move(bindings), true);
      const Status done = action();
      loops_.resize(loops_.size() - names.size());
      if (!done) return done;
    }
    return Done{};
  }

  // ---- single statements --------------------------------------------------------------------------------------------

  Status local_let(const ast::File& file, const ast::Let& let) {
    if (loops_.empty() && chain_.empty()) return Done{};  // of the namespace
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
    if (measuring_) return Done{};
    Result<Value> value = evaluator_.evaluate(file, require.condition);
    if (!value) return diags_.failed();
    const Span span = file[require.condition].span;
    if (!has_value(*value)) return evaluator_.report_no_value(span, "a `require`");
    const bool* truth = std::get_if<bool>(&*value);
    if (truth == nullptr) return report(diags_, span, diag::WrongType, "a condition", to_string(*value));
    if (*truth) return Done{};
    Finding finding = report(diags_, span, diag::RequireFailed, diags_.sources().text(span));
    if (require.why) finding.note(*require.why);
    return finding;
  }

  Status ignore(const ast::File& file, const ast::Ignore& ignore) {
    if (ignore.condition) {
      Result<bool> holds = evaluator_.condition(file, *ignore.condition);
      if (!holds) return diags_.failed();
      if (!*holds) return Done{};
    }
    const std::optional<SideId> side = rules_.side(ignore.side.text);
    if (!side) return report(diags_, ignore.side.span, diag::UnknownSide, rules_.name, ignore.side.text);
    for (const ast::Glob& glob : ignore.globs) draft_.ignored.push_back({*side, glob.pattern, glob.span});
    return Done{};
  }

  Status rule(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule, const Prefixes& prefixes) {
    return over_unbound(file, paths_of(file, rule.left), paths_of(file, rule.right), prefixes, false, [&]() -> Status {
      if (rule.condition) {
        Result<bool> holds = evaluator_.condition(file, *rule.condition);
        if (!holds) return diags_.failed();
        if (!*holds) return Done{};
      }
      return instance(file, statement, rule, prefixes);
    });
  }

  static std::vector<ast::TemplateId> paths_of(const ast::File& file, const ast::Side& side) {
    std::vector<ast::TemplateId> paths;
    if (const auto* terms = std::get_if<std::vector<ast::TermId>>(&side.node)) {
      for (const ast::TermId term : *terms) paths.push_back(file[term].path);
    }
    return paths;
  }

  // ---- one rule for one value of its indices ------------------------------------------------------------------------

  struct Paths {
    std::array<std::vector<PathValue>, 2> values;
  };

  static const std::vector<ast::TermId>* terms_of(const ast::Side& side) {
    return std::get_if<std::vector<ast::TermId>>(&side.node);
  }

  Status instance(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule,
                  const Prefixes& prefixes) {
    DraftFamily& draft = family(file, statement, rule);
    std::array<std::vector<PathValue>, 2> paths;
    std::array<std::vector<SizedPattern>, 2> patterns;
    AxisTable axes{draft.family.axes, draft.family.axis_spans};
    for (const SideId side : BothSides) {
      const ast::Side& s = side == SideId::Left ? rule.left : rule.right;
      if (const auto* terms = terms_of(s)) {
        for (const ast::TermId term : *terms) {
          Result<PathValue> path = append_path(evaluator_, file, prefixes[number(side)], file[term].path);
          if (!path) return diags_.failed();
          paths[number(side)].push_back(*std::move(path));
        }
      }
    }
    Variant variant;
    if (!size_sides(file, rule, paths, axes, variant, patterns)) return diags_.failed();
    const auto* right = terms_of(rule.right);
    for (std::size_t t = 0; right != nullptr && t < right->size(); ++t) {
      Result<HookPipelines> hooks =
          expand_hooks(evaluator_, file, file[(*right)[t]].hooks, rule.arrow, prefixes[1], axes);
      if (!hooks) return diags_.failed();
      variant.hooks.push_back(*std::move(hooks));
    }
    if (right == nullptr) variant.hooks.emplace_back();
    draft.family.axes = std::move(axes.names);
    draft.family.axis_spans = std::move(axes.spans);
    return record(draft, std::move(variant), paths, patterns);
  }

  /// Sizes of both sides; a side without a shape takes the other's.
  Status size_sides(const ast::File& file, const ast::Rule& rule, const std::array<std::vector<PathValue>, 2>& paths,
                    AxisTable& axes, Variant& variant, std::array<std::vector<SizedPattern>, 2>& patterns) {
    const std::array<const ast::Side*, 2> sides{&rule.left, &rule.right};
    for (const SideId side : BothSides) {
      const auto* terms = terms_of(*sides[number(side)]);
      if (terms == nullptr) {
        variant.is_constant[number(side)] = true;
        Result<Value> value = evaluator_.evaluate(file, std::get<ast::ExprId>(sides[number(side)]->node));
        if (!value) return diags_.failed();
        const std::optional<double> constant = as_double(*value);
        if (!constant) return report(diags_, sides[number(side)]->span, diag::WrongType, "a number", to_string(*value));
        variant.constant = *constant;
        continue;
      }
      const auto* others = terms_of(*sides[number(other(side))]);
      for (std::size_t t = 0; t < terms->size(); ++t) {
        const ast::Term& term = file[(*terms)[t]];
        std::optional<ast::ShapeId> shape = term.shape;
        std::vector<std::string> without;
        if (!shape && terms->size() == 1 && others != nullptr && others->size() == 1) {
          shape = file[others->front()].shape;
          without = paths[number(side)][t].printed;
        } else if (!shape) {
          return report(diags_, term.span, diag::ShapeMissing, diags_.sources().text(term.span))
              .note("a side takes the other's shape only if there is one tensor on each");
        }
        Result<SizedPattern> pattern = shape ? size_pattern(evaluator_, file, *shape, axes, without)
                                             : Result<SizedPattern>(as_stored(paths, axes, variant));
        if (!pattern) return diags_.failed();
        insert_brackets(*pattern, paths[number(side)][t].brackets);
        patterns[number(side)].push_back(*std::move(pattern));
      }
    }
    return Done{};
  }

  /// The shape of a rule that gives none: what a checkpoint has, without the axes that brackets stack along.
  SizedPattern as_stored(const std::array<std::vector<PathValue>, 2>& paths, AxisTable& axes, Variant& variant) {
    for (const SideId side : BothSides) {
      const PathValue& path = paths[number(side)].front();
      const std::span<const TensorInfo> catalogue = inputs_.catalogues[number(side)];
      const auto found = std::ranges::lower_bound(catalogue, path.name, {}, &TensorInfo::name);
      if (found == catalogue.end() || found->name != path.name || found->shape.size() < path.brackets.size()) continue;
      evaluator_.touch();
      // Brackets go into a shape of so many axes at known places; what stands elsewhere is the shape.
      SizedPattern places;
      places.pattern.assign(found->shape.size() - path.brackets.size(), {axes::UnitDim{}});
      insert_brackets(places, path.brackets);
      SizedPattern result;
      for (std::size_t d = 0; d < places.pattern.size(); ++d) {
        if (!std::holds_alternative<axes::UnitDim>(places.pattern[d].node)) continue;
        const axes::AxisId axis = axes.intern({fmt::format("axis {}", result.pattern.size()), {}});
        result.pattern.push_back({axes::AxisDim{axis, found->shape[d], 1}});
      }
      return result;
    }
    variant.shape_known = false;
    return {};
  }

  DraftFamily& family(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule) {
    std::vector<Span> key = chain_;
    key.push_back(statement.span);
    const auto before = [](const Span& a, const Span& b) {
      return std::tuple(a.source, a.begin, a.end) < std::tuple(b.source, b.begin, b.end);
    };
    const auto at = std::ranges::lower_bound(
        known_, key, [&](const auto& a, const auto& b) { return std::ranges::lexicographical_compare(a, b, before); },
        &KnownFamily::key);
    if (at != known_.end() && at->key == key) return draft_.families[at->family];
    known_.insert(at, {std::move(key), draft_.families.size()});
    DraftFamily& draft = draft_.families.emplace_back();
    draft.family.span = statement.span;
    draft.family.arrow = rule.arrow;
    draft.family.is_conditional = conditions_ > 0 || rule.condition;
    draft.family.arrow_span = rule.arrow_span;
    for (const Loop& loop : loops_) draft.family.indices.push_back(loop.index);
    for (const ast::Allow& allow : rule.allows) draft.family.permissions.push_back({allow.span, allow.id, allow.why});
    for (const SideId side : BothSides) {
      const ast::Side& s = side == SideId::Left ? rule.left : rule.right;
      const auto* terms = terms_of(s);
      for (std::size_t t = 0; terms != nullptr && t < terms->size(); ++t) {
        const ast::Term& term = file[(*terms)[t]];
        TermPlace place{file[term.path].span, std::nullopt, {}};
        if (term.shape) place.shape = file[*term.shape].span;
        if (!term.hooks.empty()) place.hooks = join(term.hooks.front().span, term.hooks.back().span);
        draft.family.terms[number(side)].push_back(place);
        draft.family.shapes[number(side)].push_back(term.shape ? shape_text(diags_, file, *term.shape) : std::string());
      }
    }
    return draft;
  }

  Status record(DraftFamily& draft, Variant variant, const std::array<std::vector<PathValue>, 2>& paths,
                const std::array<std::vector<SizedPattern>, 2>& patterns) {
    DraftInstance instance;
    for (const Loop& loop : loops_) instance.values.push_back(loop.value);
    for (const SideId side : BothSides) {
      for (std::size_t t = 0; t < patterns[number(side)].size(); ++t) {
        const SizedPattern& pattern = patterns[number(side)][t];
        std::vector<SlotPlace> places = slot_places(pattern.pattern);
        add_term(side, paths[number(side)][t].name, pattern, places, instance.terms[number(side)].emplace_back());
        variant.patterns[number(side)].push_back(pattern.pattern);
        variant.places[number(side)].push_back(std::move(places));
      }
    }
    for (HookPipelines& hooks : variant.hooks) {
      std::vector<DraftOperand>& operands = instance.operands.emplace_back();
      for (const OperandTerm& operand : hooks.operands) {
        DraftTerm term;
        add_term(SideId::Right, operand.path.name, operand.shape, slot_places(operand.shape.pattern), term);
        operands.push_back({term.tensor, std::move(term.positions)});
      }
    }
    if (measuring_) return Done{};
    permissions(draft.family, variant);
    instance.variant = variant_number(draft, std::move(variant));
    draft.instances.push_back(std::move(instance));
    return Done{};
  }

  void add_term(SideId side, const std::string& name, const SizedPattern& pattern, const std::vector<SlotPlace>& places,
                DraftTerm& term) {
    NameTable& table = draft_.tables[number(side)];
    term.tensor = table.intern(name);
    for (std::size_t slot = 0; slot < pattern.slots.size(); ++slot) {
      table.extend(term.tensor, places[slot], pattern.slots[slot].extent);
      term.positions.push_back(pattern.slots[slot].position);
    }
  }

  void permissions(Family& family, const Variant& variant) {
    for (const HookPipelines& hooks : variant.hooks) {
      for (const ast::Hook* hook : hooks.hooks) {
        for (const ast::Allow& allow : hook->allows) {
          const auto same = [&](const Permission& p) { return p.span == allow.span; };
          if (std::ranges::none_of(family.permissions, same))
            family.permissions.push_back({allow.span, allow.id, allow.why});
        }
      }
    }
  }

  /// Instances share a variant if nothing tells theirs apart.
  std::uint32_t variant_number(DraftFamily& draft, Variant variant) {
    variant.signature = signature_of(variant);
    for (std::size_t v = draft.variants.size(); v > 0; --v) {
      const Variant& known = draft.variants[v - 1];
      if (known.signature == variant.signature && same_pipelines(known, variant))
        return static_cast<std::uint32_t>(v - 1);
    }
    draft.variants.push_back(std::move(variant));
    return static_cast<std::uint32_t>(draft.variants.size() - 1);
  }

  static bool same_pipelines(const Variant& a, const Variant& b) {
    return std::ranges::equal(a.hooks, b.hooks, {}, &HookPipelines::towards, &HookPipelines::towards);
  }

  static void sign(const std::vector<axes::PatternDim>& dims, std::vector<std::int64_t>& signature) {
    for (const axes::PatternDim& dim : dims) {
      std::visit(Overloaded{
                     [&](const axes::AxisDim& axis) {
                       signature.insert(signature.end(),
                                        {1, static_cast<std::int64_t>(axis.axis), axis.size, axis.block});
                     },
                     [&](const axes::IndexDim& index) {
                       signature.insert(signature.end(), {2, static_cast<std::int64_t>(index.slot)});
                     },
                     [&](const axes::UnitDim&) { signature.push_back(3); },
                     [&](const axes::GroupDim& group) {
                       signature.insert(signature.end(),
                                        {4, group.pad.value_or(-1), static_cast<std::int64_t>(group.summands.size())});
                       for (const auto& summand : group.summands) {
                         signature.push_back(static_cast<std::int64_t>(summand.size()));
                         sign(summand, signature);
                       }
                     },
                 },
                 dim.node);
    }
  }

  static std::vector<std::int64_t> signature_of(const Variant& variant) {
    std::vector<std::int64_t> signature;
    for (const auto& side : variant.patterns) {
      for (const axes::Pattern& pattern : side) {
        signature.push_back(static_cast<std::int64_t>(pattern.size()));
        sign(pattern, signature);
      }
    }
    for (const HookPipelines& hooks : variant.hooks) {
      for (const OperandTerm& operand : hooks.operands) sign(operand.shape.pattern, signature);
    }
    return signature;
  }

  struct KnownFamily {
    std::vector<Span> key;
    std::size_t family = 0;
  };

  inline static const decltype(ast::Statement::node) Overlooked{
      ast::Import{}};  // a library's rules stand in its blocks only

  const Rules& rules_;
  const Inputs& inputs_;
  Diagnostics& diags_;
  Evaluator evaluator_;
  Draft draft_;
  std::vector<Loop> loops_;
  std::vector<Span> chain_;  // the `use` statements around this place
  std::vector<KnownFamily> known_;
  std::int64_t iterations_ = 0;
  int conditions_ = 0;  // `when`s and guards around this place
  bool measuring_ = false;
};

}  // namespace

Result<Pack> elaborate(const Rules& rules, const Inputs& inputs, Diagnostics& diags) {
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
  return pack;
}

}  // namespace rulec
