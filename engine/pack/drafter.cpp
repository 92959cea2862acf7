// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/drafter.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "grammar/messages.h"

namespace rulec {
namespace {

/// What an instance costs beside the evaluation of its expressions, in steps: it stays in memory.
constexpr std::int64_t InstanceSteps = 50;

const ast::Side& side_of(const ast::Rule& rule, SideId side) {
  return side == SideId::Left ? rule.left : rule.right;
}

/// The tensors of a side; nullptr if it is a number.
const std::vector<ast::TermId>* terms_of(const ast::Rule& rule, SideId side) {
  return std::get_if<std::vector<ast::TermId>>(&side_of(rule, side).node);
}

SettledVariant::Term settled_term(const PathValue& path, const SizedPattern& pattern) {
  SettledVariant::Term term;
  for (const BracketValue& bracket : path.brackets) term.stacked.push_back(bracket.axis);
  for (const Slot& slot : pattern.slots) {
    if (!slot.index.empty()) term.indices.push_back(slot.index);
  }
  return term;
}

bool stack_alike(const SettledVariant::Term& term, const PathValue& path) {
  return std::ranges::equal(term.stacked, path.brackets, {}, {}, &BracketValue::axis);
}

void add_permissions(Family& family, const std::vector<ast::Allow>& allows) {
  for (const ast::Allow& allow : allows) {
    const auto same = [&](const Permission& p) { return p.span == allow.span; };
    if (std::ranges::none_of(family.permissions, same)) family.permissions.push_back({allow.span, allow.id, allow.why});
  }
}

}  // namespace

std::size_t Drafter::use_path(std::size_t outer, const ast::Statement& use) {
  return use_paths_.try_emplace({outer, &use}, use_paths_.size() + 1).first->second;
}

Status Drafter::add(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule,
                    const Prefixes& prefixes, const Surroundings& around) {
  if (!evaluator_.admit(statement.span, InstanceSteps)) return diags().failed();
  DraftFamily measured;  // what is only measured makes no family
  DraftFamily& draft = around.is_measured ? measured : family(file, statement, rule, around);
  AxisTable axes{std::move(draft.family.axes), std::move(draft.family.axis_spans)};
  const Status done = fill(file, rule, prefixes, axes, around, draft);
  draft.family.axes = std::move(axes.names);
  draft.family.axis_spans = std::move(axes.spans);
  // As a `require` of the pack would: whoever tries goes on to another layout. Nobody reads it.
  if (done && inputs_.names_no_more && names_too_many())
    return report(diags(), statement.span, diag::RequireFailed, "no more tensors than are stored");
  return done;
}

bool Drafter::names_too_many() const {
  return std::ranges::any_of(BothSides, [&](SideId side) {
    const std::size_t stored = inputs_.catalogues[number(side)].size();
    return stored > 0 && draft_.tables[number(side)].names().size() > stored;
  });
}

Status Drafter::fill(const ast::File& file, const ast::Rule& rule, const Prefixes& prefixes, AxisTable& axes,
                     const Surroundings& around, DraftFamily& draft) {
  Result<Paths> paths = this->paths(file, rule, prefixes);
  if (!paths) return diags().failed();
  Result<bool> done = record_settled(file, draft, *paths, prefixes[number(SideId::Right)], around);
  if (!done) return diags().failed();
  if (*done) return Done{};
  (void)evaluator_.take_touched();
  Variant variant;
  Patterns patterns;
  if (!size_sides(file, rule, *paths, axes, variant, patterns)) return diags().failed();
  const auto* right = terms_of(rule, SideId::Right);
  for (std::size_t t = 0; right != nullptr && t < right->size(); ++t) {
    Result<HookPipelines> hooks =
        expand_hooks(evaluator_, file, file[(*right)[t]].hooks, rule.arrow, prefixes[number(SideId::Right)], axes);
    if (!hooks) return diags().failed();
    variant.hooks.push_back(*std::move(hooks));
  }
  if (right == nullptr) variant.hooks.emplace_back();
  const bool is_settled =
      !evaluator_.take_touched() && std::ranges::all_of(variant.hooks, [](const HookPipelines& hooks) {
        return std::ranges::all_of(hooks.operands,
                                   [](const OperandTerm& operand) { return operand.written.has_value(); });
      });
  record(draft, std::move(variant), *paths, patterns, around, is_settled);
  return Done{};
}

// ---- families ----------------------------------------------------------------------------------------------------

DraftFamily& Drafter::family(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule,
                             const Surroundings& around) {
  const auto [at, is_new] = known_.try_emplace({around.use_path, &statement}, draft_.families.size());
  if (is_new) draft_.families.push_back(new_family(file, statement, rule, around));
  return draft_.families[at->second];
}

DraftFamily Drafter::new_family(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule,
                                const Surroundings& around) const {
  DraftFamily draft;
  Family& family = draft.family;
  family.span = statement.span;
  family.arrow = rule.arrow;
  family.arrow_span = rule.arrow_span;
  family.block = around.block;
  family.is_conditional = around.conditions > 0 || rule.condition;
  for (const Loop& loop : around.loops) family.indices.push_back(*loop.index);
  add_permissions(family, rule.allows);
  for (const SideId side : BothSides) {
    const auto* terms = terms_of(rule, side);
    for (std::size_t t = 0; terms != nullptr && t < terms->size(); ++t) {
      const ast::Term& term = file[(*terms)[t]];
      TermPlace place{file[term.path].span, std::nullopt, {}};
      if (term.shape) place.shape = file[*term.shape].span;
      if (!term.hooks.empty()) place.hooks = join(term.hooks.front().span, term.hooks.back().span);
      family.terms[number(side)].push_back(place);
      family.shapes[number(side)].push_back(term.shape ? shape_text(evaluator_.diags(), file, *term.shape) : "");
    }
  }
  return draft;
}

// ---- paths and sizes ---------------------------------------------------------------------------------------------

Result<Drafter::Paths> Drafter::paths(const ast::File& file, const ast::Rule& rule, const Prefixes& prefixes) {
  Paths paths;
  for (const SideId side : BothSides) {
    const auto* terms = terms_of(rule, side);
    for (std::size_t t = 0; terms != nullptr && t < terms->size(); ++t) {
      Result<PathValue> path = append_path(evaluator_, file, prefixes[number(side)], file[(*terms)[t]].path);
      if (!path) return diags().failed();
      if (path->name.empty()) {
        return report(diags(), file[(*terms)[t]].span, diag::WrongType, "the name of a tensor", "an empty path")
            .help("`.` stands for the tensor of no name; it is of use in front of a body: `. -> model { ... }`");
      }
      paths[number(side)].push_back(*std::move(path));
    }
  }
  return paths;
}

Status Drafter::size_sides(const ast::File& file, const ast::Rule& rule, const Paths& paths, AxisTable& axes,
                           Variant& variant, Patterns& patterns) {
  for (const SideId side : BothSides) {
    const auto* terms = terms_of(rule, side);
    if (terms == nullptr) {
      variant.is_constant[number(side)] = true;
      Result<double> value = constant(file, side_of(rule, side));
      if (!value) return diags().failed();
      variant.constant = *value;
      continue;
    }
    for (std::size_t t = 0; t < terms->size(); ++t) {
      Result<SizedPattern> pattern = size_term(file, rule, side, t, paths, axes, variant);
      if (!pattern) return diags().failed();
      stack(*pattern, paths[number(side)][t].brackets, variant.shape_known);
      patterns[number(side)].push_back(*std::move(pattern));
    }
  }
  return Done{};
}

void Drafter::stack(SizedPattern& pattern, const std::vector<BracketValue>& brackets, bool shape_known) {
  std::int64_t axes = std::ssize(pattern.pattern);
  insert_brackets(pattern, brackets);
  if (!shape_known) return;
  for (const BracketValue& bracket : in_order(brackets)) {
    StackedAxis& stacked = stacked_.try_emplace(bracket.axis, StackedAxis{bracket}).first->second;
    stacked.last_axis = std::max(stacked.last_axis, axes);
    stacked.is_reached |= bracket.axis <= axes++;
  }
}

Status Drafter::check_brackets() {
  const std::size_t errors = diags().errors();
  for (const auto& [axis, stacked] : stacked_) {
    if (stacked.is_reached) continue;
    Finding finding = report(diags(), stacked.first.span, diag::BracketAxis,
                             fmt::format("no tensor here can be stacked along axis {}", axis));
    evaluator_.citing(finding, *stacked.first.file, stacked.first.axis_expr)
        .note("a tensor of fewer axes is stacked along its last, but not all of them are")
        .help(fmt::format("axes count from 0 in the stored tensor; the last one of the largest is {}",
                          stacked.last_axis));
  }
  if (diags().errors() > errors) return diags().failed();
  return Done{};
}

Result<double> Drafter::constant(const ast::File& file, const ast::Side& side) {
  Result<Value> value = evaluator_.evaluate(file, std::get<ast::ExprId>(side.node));
  if (!value) return diags().failed();
  if (!has_value(*value)) return evaluator_.report_no_value(side.span, "a constant");
  if (const std::optional<double> number = as_double(*value)) return *number;
  return report(diags(), side.span, diag::WrongType, "a number", to_string(*value));
}

/// A term's shape; one without takes the other side's, if there is one tensor on each.
Result<SizedPattern> Drafter::size_term(const ast::File& file, const ast::Rule& rule, SideId side, std::size_t term,
                                        const Paths& paths, AxisTable& axes, Variant& variant) {
  const auto* terms = terms_of(rule, side);
  const auto* others = terms_of(rule, other(side));
  const ast::Term& here = file[(*terms)[term]];
  if (here.shape) return size_pattern(evaluator_, file, *here.shape, axes);
  if (terms->size() != 1 || others == nullptr || others->size() != 1) {
    return report(diags(), here.span, diag::ShapeMissing, diags().sources().text(here.span))
        .note("a side takes the other's shape only if there is one tensor on each");
  }
  const std::optional<ast::ShapeId> shape = file[others->front()].shape;
  if (!shape) return as_stored(paths, axes, variant);
  return size_pattern(evaluator_, file, *shape, axes, &paths[number(side)][term].printed);
}

/// The shape of a rule that gives none: what a checkpoint has, without the axes that brackets stack along.
SizedPattern Drafter::as_stored(const Paths& paths, AxisTable& axes, Variant& variant) {
  // Other indices have other names, and what is stored of those another shape, or nothing.
  evaluator_.touch();
  for (const SideId side : BothSides) {
    const PathValue& path = paths[number(side)].front();
    const std::span<const TensorInfo> catalogue = inputs_.catalogues[number(side)];
    const auto found = std::ranges::lower_bound(catalogue, path.name, {}, &TensorInfo::name);
    if (found == catalogue.end() || found->name != path.name || found->shape.size() < path.brackets.size()) continue;
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

// ---- the draft ---------------------------------------------------------------------------------------------------

void Drafter::record(DraftFamily& draft, Variant variant, const Paths& paths, const Patterns& patterns,
                     const Surroundings& around, bool is_settled) {
  const auto begin = static_cast<std::uint32_t>(draft.terms.size());
  SettledVariant settled;
  for (const SideId side : BothSides) {
    for (std::size_t t = 0; t < patterns[number(side)].size(); ++t) {
      const SizedPattern& pattern = patterns[number(side)][t];
      const PathValue& path = paths[number(side)][t];
      std::vector<SlotPlace> places = slot_places(pattern.pattern);
      add_term(draft, side, path.name, pattern.slots, places);
      settled.terms[number(side)].push_back(settled_term(path, pattern));
      variant.patterns[number(side)].push_back(pattern.pattern);
      variant.places[number(side)].push_back(std::move(places));
    }
  }
  for (const HookPipelines& hooks : variant.hooks) {
    for (const OperandTerm& operand : hooks.operands) {
      add_term(draft, SideId::Right, operand.path.name, operand.shape.slots, slot_places(operand.shape.pattern));
      settled.operands.push_back(settled_term(operand.path, operand.shape));
    }
  }
  if (around.is_measured) return;
  for (const HookPipelines& hooks : variant.hooks) {
    for (const ast::Hook* hook : hooks.hooks) add_permissions(draft.family, hook->allows);
  }
  settled.variant = draft.intern(std::move(variant));
  add_instance(draft, {settled.variant, begin}, around);
  if (is_settled) draft.settled.push_back(std::move(settled));
}

/// Records an instance of a variant that is settled; false if there is none for such paths.
Result<bool> Drafter::record_settled(const ast::File& file, DraftFamily& draft, const Paths& paths,
                                     const PathValue& prefix, const Surroundings& around) {
  // A position that no axis has is found where the shape is worked out.
  if (std::ranges::any_of(around.loops, [](const Loop& loop) { return loop.value < 0; })) return false;
  const auto settled = std::ranges::find_if(draft.settled, [&](const SettledVariant& one) {
    return std::ranges::all_of(BothSides, [&](SideId side) {
      return std::ranges::equal(one.terms[number(side)], paths[number(side)], stack_alike);
    });
  });
  if (settled == draft.settled.end()) return false;
  const Variant& variant = draft.variants[settled->variant];
  Result<bool> found = find_operands(file, *settled, variant, prefix);
  if (!found || !*found) return found;
  add_instance(draft, {settled->variant, static_cast<std::uint32_t>(draft.terms.size())}, around);
  for (const SideId side : BothSides) {
    const auto& places = variant.places[number(side)];
    for (std::size_t t = 0; t < places.size(); ++t) {
      const PathValue& path = paths[number(side)][t];
      find_slots(settled->terms[number(side)][t], path.brackets);
      add_term(draft, side, path.name, slots_, places[t]);
    }
  }
  std::size_t o = 0;
  for (const HookPipelines& hooks : variant.hooks) {
    for (const OperandTerm& operand : hooks.operands) {
      find_slots(settled->operands[o], operand_paths_[o].brackets);
      add_term(draft, SideId::Right, operand_paths_[o++].name, slots_, slot_places(operand.shape.pattern));
    }
  }
  return true;
}

/// The paths of the tensor arguments; false if they stack along other axes.
Result<bool> Drafter::find_operands(const ast::File& file, const SettledVariant& settled, const Variant& variant,
                                    const PathValue& prefix) {
  operand_paths_.clear();
  for (const HookPipelines& hooks : variant.hooks) {
    for (const OperandTerm& operand : hooks.operands) {
      Result<PathValue> path = append_path(evaluator_, file, prefix, *operand.written);
      if (!path) return diags().failed();
      operand_paths_.push_back(*std::move(path));
    }
  }
  return std::ranges::equal(settled.operands, operand_paths_, stack_alike);
}

/// Where a term's tensor stands now.
void Drafter::find_slots(const SettledVariant::Term& term, const std::vector<BracketValue>& brackets) {
  slots_.clear();
  for (const std::string& index : term.indices) {
    const Binding* binding = evaluator_.local(index);
    slots_.push_back({index, std::get<Rational>(binding->value).numerator, binding->extent});
  }
  for (const BracketValue& bracket : in_order(brackets)) slots_.push_back({{}, bracket.position, bracket.position + 1});
}

void Drafter::add_instance(DraftFamily& draft, DraftInstance instance, const Surroundings& around) {
  for (const Loop& loop : around.loops) draft.family.values.push_back(loop.value);
  draft.instances.push_back(instance);
}

void Drafter::add_term(DraftFamily& draft, SideId side, std::string_view name, const std::vector<Slot>& slots,
                       const std::vector<SlotPlace>& places) {
  NameTable& table = draft_.tables[number(side)];
  const std::uint32_t tensor = table.intern(name);
  draft.terms.push_back({tensor, static_cast<std::uint32_t>(draft.positions.size())});
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    table.extend(tensor, places[slot], slots[slot].extent);
    draft.positions.push_back(slots[slot].position);
  }
}

}  // namespace rulec
