// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "engine/rules/definitions.h"
#include "engine/rules/option_type.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// The names and keys that stand in an expression.
void add_keys(const ast::File& file, ast::ExprId expr, std::vector<const ast::Key*>& keys) {
  std::visit(Overloaded{
                 [&](const ast::Key& key) { keys.push_back(&key); },
                 [&](const ast::Element& element) {
                   add_keys(file, element.of, keys);
                   add_keys(file, element.index, keys);
                 },
                 [&](const ast::Call& call) {
                   for (const ast::Argument& argument : call.arguments) add_keys(file, argument.value, keys);
                 },
                 [&](const ast::Unary& unary) { add_keys(file, unary.of, keys); },
                 [&](const ast::Binary& binary) {
                   add_keys(file, binary.left, keys);
                   add_keys(file, binary.right, keys);
                 },
                 [](const auto&) {},
             },
             file[expr].node);
}

}  // namespace

Evaluator::Evaluator(const Rules& rules, const Inputs& inputs, Diagnostics& diags)
    : rules_(rules), inputs_(inputs), diags_(diags) {}

Evaluator::Scope::Scope(Evaluator& evaluator, std::vector<Binding> bindings, bool inner)
    : evaluator_(evaluator), size_(evaluator.locals_.size()), base_(evaluator.base_) {
  if (!inner) evaluator.base_ = size_;
  for (Binding& binding : bindings) evaluator.locals_.push_back(std::move(binding));
}

Evaluator::Scope::Scope(Evaluator& evaluator, Binding binding) : Scope(evaluator, {}, true) {
  evaluator.locals_.push_back(std::move(binding));
}

Evaluator::Scope::~Scope() {
  evaluator_.locals_.resize(size_);
  evaluator_.base_ = base_;
}

// ---- limits ------------------------------------------------------------------------------------------------------

Evaluator::Level::Level(Evaluator& evaluator, std::string_view name, int levels)
    : evaluator_(evaluator), levels_(levels), is_named_(!name.empty()) {
  evaluator_.levels_ += levels_;
  if (is_named_) evaluator_.chain_.push_back(name);
}

Evaluator::Level::~Level() {
  evaluator_.levels_ -= levels_;
  if (is_named_) evaluator_.chain_.pop_back();
}

Status Evaluator::admit(Span place, std::int64_t steps) {
  if (levels_ > MaxLevels) return report_too_deep(place);
  steps_ = std::min(steps_ + std::min(steps, MaxSteps), MaxSteps + 1);
  if (steps_ <= MaxSteps) return Done{};
  if (std::exchange(is_over_, true)) return diags_.failed();  // it is said once
  Finding finding = report(diags_, statement_.value_or(place), diag::TooManyIndices,
                           "working this out takes too many steps", MaxSteps);
  if (statement_ && *statement_ != place) finding.also(place, "it stopped here");
  finding.note("loops in loops multiply, and so do blocks, functions, paths and hooks that use others twice");
  return finding;
}

/// What stands in itself has no end, whatever the limit.
Reported Evaluator::report_too_deep(Span place) {
  if (!chain_.empty()) {
    const auto outer = std::find(std::next(chain_.rbegin()), chain_.rend(), chain_.back());
    if (outer != chain_.rend()) {
      return report(diags_, place, diag::DefinitionCycle, chain_.back(),
                    fmt::format("{}", fmt::join(std::prev(outer.base()), chain_.end(), " -> ")))
          .note(fmt::format("it does so without an end, or more than {} deep", MaxLevels));
    }
  }
  return report(diags_, place, diag::TooDeep, MaxLevels)
      .note("definitions count with what they use, and that with what it uses");
}

Evaluator::Trial::Trial(Evaluator& evaluator)
    : evaluator_(evaluator),
      diagnostics_(evaluator.diags_.all().size()),
      failures_(evaluator.failures_.size()),
      keys_(evaluator.reported_.size()),
      is_over_(evaluator.is_over_),
      touched_(evaluator.touched_) {}

Evaluator::Trial::~Trial() {
  evaluator_.diags_.truncate(diagnostics_);
  for (std::size_t i = failures_; i < evaluator_.failures_.size(); ++i)
    evaluator_.memos_.erase(evaluator_.failures_[i]);
  evaluator_.failures_.resize(failures_);
  evaluator_.reported_.resize(keys_);
  evaluator_.is_over_ = is_over_;
  evaluator_.touched_ = touched_;
  evaluator_.missing_.reset();
}

// ---- names -------------------------------------------------------------------------------------------------------

const Binding* Evaluator::local(std::string_view name) const {
  for (std::size_t i = locals_.size(); i > base_; --i) {
    if (locals_[i - 1].name == name) return &locals_[i - 1];
  }
  return nullptr;
}

Result<Value> Evaluator::name(const ast::Name& name) {
  if (const Binding* binding = local(name.text)) {
    touched_ |= binding->varies;
    if (!has_value(binding->value)) missing_.reset();  // it was looked for elsewhere
    return binding->value;
  }
  const Definition* found = rules_.find(name.text);
  if (found == nullptr) return report(diags_, name.span, diag::UnresolvedName, "name", name.text);
  return definition(name.text, *found, name.span);
}

Result<Value> Evaluator::definition(const std::string& name, const Definition& definition, Span use) {
  const auto [place, is_new] = memos_.try_emplace(name);  // stays where it is, whatever is added
  Memo& memo = place->second;
  if (!is_new) {
    switch (memo.state) {
      case Memo::State::Known:
        config_span_ = memo.config;
        if (!has_value(memo.value)) missing_ = memo.missing;
        return memo.value;
      case Memo::State::Failed:
        return diags_.failed();
      case Memo::State::InProgress:
        break;
    }
    const auto start = std::ranges::find(chain_, name);
    return report(diags_, use, diag::DefinitionCycle, name,
                  fmt::format("{} -> {}", fmt::join(start, chain_.end(), " -> "), name))
        .help("take the value from a config, or give a number");
  }
  const bool outer_touched = std::exchange(touched_, false);
  const ast::Config* outer_config = std::exchange(config_, nullptr);
  Result<Value> value = Value(NoValue{});
  {
    const Level level(*this, place->first);
    const Scope scope(*this, {}, false);
    config_span_.reset();
    value = compute(name, definition);
  }
  config_ = outer_config;
  touched_ = outer_touched;
  memo.state = value ? Memo::State::Known : Memo::State::Failed;
  if (!value) failures_.push_back(name);
  if (value) memo.value = *value;
  if (value && !has_value(*value)) memo.missing = missing_;
  memo.config = config_span_;
  return value;
}

Result<Value> Evaluator::compute(const std::string& name, const Definition& definition) {
  if (const auto given = inputs_.values.find(name); given != inputs_.values.end()) return given->second;
  const ast::File& file = rules_.files[definition.file];
  return std::visit(Overloaded{
                        [&](const ast::Config& config) {
                          config_ = &config;
                          return evaluate(file, config.entries[definition.entry].value);
                        },
                        [&](const ast::Let& let) { return evaluate(file, let.definitions[definition.entry].value); },
                        [&](const ast::Option& option) -> Result<Value> {
                          if (const auto given = inputs_.options.find(name); given != inputs_.options.end()) {
                            return checked_option(name, option, given->second, definition.span);
                          }
                          Result<Value> value = evaluate(file, option.value);
                          if (!value) return value;
                          return checked_option(name, option, *value, file[option.value].span);
                        },
                        [&](const auto&) -> Result<Value> {
                          return report(diags_, definition.span, diag::WrongType, "a value",
                                        fmt::format("the {} `{}`", describe(definition.kind), name));
                        },
                    },
                    rules_.statement(definition).node);
}

Result<Value> Evaluator::checked_option(const std::string& name, const ast::Option& option, Value value, Span place) {
  if (takes(option, value)) return value;
  return report(diags_, place, diag::BadOptionValue, name, to_string(value), taken_by(option));
}

Result<Value> Evaluator::option(const std::string& name) {
  const Definition* found = rules_.find(name);
  return definition(name, *found, found->span);
}

std::optional<Span> Evaluator::config_of(std::string_view name) const {
  const auto memo = memos_.find(name);
  return memo == memos_.end() ? std::nullopt : memo->second.config;
}

// ---- configs -----------------------------------------------------------------------------------------------------

const ConfigValue* Evaluator::descend(SideId side, const std::vector<ast::Name>& parts, std::size_t from) const {
  const ConfigValue* value = inputs_.configs[number(side)];
  for (std::size_t i = from; value != nullptr && i < parts.size(); ++i) value = value->find(parts[i].text);
  return value;
}

Value Evaluator::config_value(SideId side, std::string_view dotted, Span span) {
  const std::string full = fmt::format("{}.{}", rules_.sides[number(side)], dotted);
  if (const auto given = inputs_.values.find(full); given != inputs_.values.end()) return given->second;
  const ConfigValue* value = inputs_.configs[number(side)];
  std::string_view rest = dotted;
  while (value != nullptr && !rest.empty()) {
    const std::size_t dot = rest.find('.');
    value = value->find(rest.substr(0, dot));
    rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  }
  if (value == nullptr || value->is_null()) {
    missing_ = MissingKey{side, std::string(dotted), {}, span};
    return NoValue{};
  }
  config_span_ = value->span;
  return from_config(*value);
}

Value Evaluator::section_value(const ast::Config& config, const ast::Key& key, Span span) {
  std::vector<std::string> searched;
  for (const ast::Key& section : config.sections) {
    const SideId side = *rules_.side(section.parts.front().text);
    std::string prefix;
    for (std::size_t i = 1; i < section.parts.size(); ++i) prefix += section.parts[i].text + ".";
    const bool last = &section == &config.sections.back();
    if (!last && descend(side, section.parts, 1) == nullptr) {
      searched.push_back(rules_.sides[number(side)] + "." + prefix.substr(0, prefix.size() - 1));
      continue;
    }
    Value value = config_value(side, prefix + dotted(key), span);
    if (!has_value(value) && missing_) missing_->sections = std::move(searched);
    return value;
  }
  return NoValue{};
}

Reported Evaluator::report_no_value(Span span, std::string_view what) {
  if (!missing_) {
    return report(diags_, span, diag::UnknownConfigKey, diags_.sources().text(span), fmt::format("{} needs one", what));
  }
  const MissingKey missing = *std::exchange(missing_, std::nullopt);
  const std::size_t side = number(missing.side);
  const ConfigValue* config = inputs_.configs[side];
  const bool one_for_all = config == nullptr && inputs_.preset.empty();
  const bool is_said = std::ranges::any_of(reported_, [&](const MissingKey& said) {
    return said.span == missing.span || (one_for_all && said.side == missing.side);
  });
  if (is_said) return diags_.failed();
  reported_.push_back(missing);

  Finding finding =
      report(diags_, missing.span, diag::UnknownConfigKey, fmt::format("{}.{}", rules_.sides[side], missing.key),
             config != nullptr         ? std::string("the config has no such key")
             : !inputs_.preset.empty() ? fmt::format("the preset `{}` does not give it", inputs_.preset)
                                       : fmt::format("no config of `{}` is given", rules_.sides[side]));
  if (span != missing.span) finding.also(span, fmt::format("needed here: {}", what));
  if (config == nullptr) {
    std::string help = fmt::format("give it with `--config {}=FILE`", rules_.sides[side]);
    for (std::size_t p = 0; p < rules_.presets.size() && inputs_.preset.empty(); ++p)
      help += fmt::format("{}`{}`", p == 0 ? ", or take a preset, `--preset`: " : ", ", rules_.presets[p].name);
    return finding.help(help);
  }
  const std::vector<std::string> keys = dotted_keys(*config);
  finding.note(fmt::format(
      "looked in {} ({} keys{})", inputs_.config_names[side], keys.size(),
      missing.sections.empty() ? "" : fmt::format("; no section `{}`", fmt::join(missing.sections, "`, `"))));
  if (const auto close = close_names(missing.key, keys); !close.empty()) {
    finding.help(fmt::format("these names are close: {}", fmt::join(close, ", ")));
  }
  return finding;
}

std::vector<UsedSize> Evaluator::used_sizes() const {
  std::vector<UsedSize> sizes;
  for (const auto& [name, memo] : memos_) {
    const std::optional<Rational> whole = exact_number(memo.value);
    if (memo.state == Memo::State::Known && whole && whole->is_whole()) {
      sizes.push_back({name, whole->numerator, memo.config});
    }
  }
  return sizes;
}

Finding Evaluator::from_uses(Finding finding) const {
  for (auto use = block_uses_.rbegin(); use != block_uses_.rend(); ++use) finding.also(*use, "used here");
  return finding;
}

bool Evaluator::reads_config(const ast::File& file, ast::ExprId expr) const {
  std::vector<const ast::Key*> keys;
  add_keys(file, expr, keys);
  return std::ranges::any_of(keys, [&](const ast::Key* key) {
    return key->parts.size() > 1 && rules_.side(key->parts.front().text).has_value();
  });
}

Finding Evaluator::citing(Finding finding, const ast::File& file, ast::ExprId expr) const {
  std::vector<const ast::Key*> keys;
  add_keys(file, expr, keys);
  std::set<std::string> cited;
  for (const ast::Key* key : keys) {
    const std::string name = dotted(*key);
    const auto memo = key->parts.size() == 1 && local(name) == nullptr ? memos_.find(name) : memos_.end();
    const std::optional<SideId> side = rules_.side(key->parts.front().text);
    const ConfigValue* value = side && key->parts.size() > 1 ? descend(*side, key->parts, 1) : nullptr;
    const bool is_known = value != nullptr || (memo != memos_.end() && memo->second.config);
    if (!is_known || !cited.insert(name).second) continue;
    if (value != nullptr) finding.also(value->span, fmt::format("`{}` is {}", name, to_string(from_config(*value))));
    if (value == nullptr)
      finding.also(*memo->second.config, fmt::format("`{}` is {}", name, to_string(memo->second.value)));
  }
  return finding;
}

std::optional<Rational> exact_number(const Value& value) {
  constexpr double Exact = 0x1p53;  // up to here every whole number is a double
  if (const auto* rational = std::get_if<Rational>(&value)) return *rational;
  const auto* real = std::get_if<double>(&value);
  if (real == nullptr || std::abs(*real) > Exact || *real != std::floor(*real)) return std::nullopt;
  return Rational{static_cast<std::int64_t>(*real), 1};
}

// ---- arguments ---------------------------------------------------------------------------------------------------

Result<Binding> Evaluator::bind_value(const ast::File& file, ast::ExprId expr, std::string name) {
  const auto* key = std::get_if<ast::Key>(&file[expr].node);
  if (key != nullptr && key->parts.size() == 1 && config_ == nullptr) {
    if (const Binding* binding = local(key->parts.front().text)) {
      Binding copy = *binding;  // an index stays an index, with its label
      copy.name = std::move(name);
      touched_ |= copy.varies;
      return copy;
    }
  }
  const bool outer_touched = std::exchange(touched_, false);
  Result<Value> value = evaluate(file, expr);
  const bool varies = touched_;
  touched_ |= outer_touched;
  if (!value) return diags_.failed();
  Binding binding;
  binding.name = std::move(name);
  binding.value = *std::move(value);
  binding.varies = varies;
  const auto& node = file[expr].node;
  binding.is_index_expression =
      varies && (std::holds_alternative<ast::Binary>(node) || std::holds_alternative<ast::Unary>(node));
  return binding;
}

Result<std::vector<Binding>> Evaluator::bind(const ast::File& caller, const std::vector<ast::Argument>& arguments,
                                             const ast::File& callee, const std::vector<ast::Parameter>& parameters) {
  std::vector<std::optional<Binding>> bound(parameters.size());
  std::size_t position = 0;
  for (const ast::Argument& argument : arguments) {
    const auto at = argument.name
                        ? std::ranges::find(parameters, argument.name->text, [](const auto& p) { return p.name.text; })
                        : parameters.begin() + static_cast<std::ptrdiff_t>(std::min(position++, parameters.size()));
    if (at == parameters.end()) {
      return report(diags_, caller[argument.value].span, diag::WrongArguments, "the call",
                    diags_.sources().text(caller[argument.value].span),
                    "is one argument too many, or has no parameter of its name");
    }
    Result<Binding> binding = bind_value(caller, argument.value, at->name.text);
    if (!binding) return diags_.failed();
    bound[static_cast<std::size_t>(at - parameters.begin())] = *std::move(binding);
  }
  std::vector<Binding> result;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!bound[i]) {
      if (!parameters[i].value) {
        return report(diags_, parameters[i].name.span, diag::WrongArguments, "the parameter", parameters[i].name.text,
                      "is given no value");
      }
      const Scope scope(*this, {}, false);  // a default is read in the namespace
      Result<Binding> binding = bind_value(callee, *parameters[i].value, parameters[i].name.text);
      if (!binding) return diags_.failed();
      bound[i] = *std::move(binding);
    }
    result.push_back(*std::move(bound[i]));
  }
  return result;
}

}  // namespace rulec
