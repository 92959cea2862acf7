// SPDX-License-Identifier: Apache-2.0
// Finds the layout of a checkpoint in what it says of itself, else in its names and shapes.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "engine/bind/inputs.h"
#include "engine/file/printable.h"
#include "engine/pack/evaluator.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// A tensor that the chosen layout explains and the rejected one does not.
std::string evidence(const Pack& chosen, const Pack& rejected, const Inputs& inputs) {
  for (const SideId side : BothSides) {
    for (const TensorInfo& tensor : inputs.catalogues[number(side)]) {
      const auto index = chosen.find(side, tensor.name);
      if (!index || chosen.tensors[number(side)][*index].shape != tensor.shape) continue;
      const auto before = rejected.find(side, tensor.name);
      if (!before) return fmt::format("the checkpoint has `{}`", tensor.name);
      if (rejected.tensors[number(side)][*before].shape != tensor.shape) {
        return fmt::format("`{}` is stored as {}", tensor.name, to_string(tensor.shape));
      }
    }
  }
  return "its names fit best";
}

/// What `elaborate` says and makes, kept from `diags`. No pack: there are errors among it.
struct Try {
  std::optional<Pack> pack;
  std::vector<Diagnostic> said;
};

Try tried(const Rules& rules, const Inputs& inputs, Diagnostics& diags) {
  const std::size_t before = diags.all().size();
  Try result;
  if (Result<Pack> pack = elaborate(rules, inputs, diags)) result.pack = *std::move(pack);
  result.said.assign(diags.all().begin() + static_cast<std::ptrdiff_t>(before), diags.all().end());
  diags.truncate(before);
  return result;
}

class Detector {
 public:
  Detector(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags)
      : rules_(rules), gathered_(gathered), diags_(diags) {}

  Status run() {
    const std::size_t errors = diags_.errors();
    for (SaidOption& said : std::exchange(gathered_.said, {})) {
      elaborate_as_given();
      if (!settle(said)) gathered_.said.push_back(std::move(said));
    }
    elaborate_as_given();
    // First what names are called: a layout that leaves out what is called otherwise would look better.
    for (const std::string& name : open_options(rules_, gathered_.inputs, ast::Option::Type::Set)) {
      for (const bool by_names : {true, false}) {
        for (const Value& value : set_values(rules_, name)) attempt(name, value, by_names);
      }
    }
    for (const std::string& name : open_options(rules_, gathered_.inputs, ast::Option::Type::Bool)) {
      for (const bool value : {false, true}) attempt(name, Value(value), true);
    }
    for (const std::string& name : open_options(rules_, gathered_.inputs, ast::Option::Type::Int)) {
      for (const std::int64_t value : {0, 1, 2, 3}) attempt(name, Value(Rational{value, 1}), false);
    }
    if (diags_.errors() > errors) return diags_.failed();
    if (current_.pack) gathered_.elaboration = Elaboration{*std::move(current_.pack), std::move(current_.said)};
    return Done{};
  }

 private:
  void elaborate_as_given() {
    current_ = {};  // its memory goes first
    current_ = tried(rules_, gathered_.inputs, diags_);
    is_excluded_ = !current_.pack && is_excluded(current_.said);
  }

  /// Takes what a file says, or says why not. False if that cannot be told yet: sizes are missing.
  bool settle(const SaidOption& said) {
    const std::string file = printable(said.file);
    const std::string why = fmt::format("`{}` says {}", file, to_string(said.value));
    const auto given = gathered_.inputs.options.find(said.name);
    if (given != gathered_.inputs.options.end()) {
      if (given->second != said.value) refuse(said, given->second);
      return true;
    }
    Inputs trial = gathered_.inputs;
    trial.options[said.name] = said.value;
    const std::optional<Pack> pack = try_elaborate(rules_, trial, diags_);
    if (!pack) return false;
    if (const std::optional<std::string> names = names_against(said, *pack)) {
      report(diags_, FilePlace{said.file, {}}, diag::ScanAxisMismatch, said.name, to_string(said.value), *names)
          .note("this file says so")
          .help("correct the file if it is wrong");
      return true;
    }
    if (const std::optional<Value> value = said.is_claim ? called_otherwise(said, *pack) : std::nullopt) {
      const std::string names = fmt::format("all names are there where it is {}", to_string(*value));
      contradict(said.name, *value, names);
      gathered_.decisions.push_back(
          fmt::format("{} is not {}, as `{}` says: {}", said.name, to_string(said.value), file, names));
      gathered_.inputs.options[said.name] = *value;
      return true;
    }
    contradict(said.name, said.value, why);
    // What lies beside the checkpoint is of interest where it changes something.
    if (!said.is_claim || !current_.pack || current_.pack->options.at(said.name) != said.value)
      gathered_.decisions.push_back(fmt::format("{} is {}: `{}` says so", said.name, to_string(said.value), file));
    gathered_.inputs.options[said.name] = said.value;
    gathered_.said_by[said.name] = said.file;
    return true;
  }

  /// A file says what nobody else does.
  void refuse(const SaidOption& said, const Value& taken) {
    const auto other = gathered_.said_by.find(said.name);
    if (other == gathered_.said_by.end()) {
      report(diags_, FilePlace{said.file, {}}, diag::ScanAxisMismatch, said.name, to_string(taken),
             fmt::format("`{}` says {}", printable(said.file), to_string(said.value)))
          .help("leave the option out, or correct the file if it is wrong");
      return;
    }
    report(diags_, FilePlace{said.file, {}}, diag::ScanAxisMismatch, said.name, to_string(said.value),
           fmt::format("`{}` says {}", printable(other->second), to_string(taken)))
        .label("this file says so")
        .also(FilePlace{other->second, {}}, {})
        .help("one of the two is wrong: correct it");
  }

  /// Evidence that the names are those of another layout than the checkpoint says: `pack`.
  std::optional<std::string> names_against(const SaidOption& said, const Pack& pack) {
    for (const bool value : {false, true}) {
      Inputs trial = gathered_.inputs;
      trial.options[said.name] = Value(value);
      if (!std::holds_alternative<bool>(said.value) || said.value == Value(value)) continue;
      const std::optional<Pack> other = try_elaborate(rules_, trial, diags_);
      if (other && score(*other, trial).names_better_than(score(pack, trial))) return evidence(*other, pack, trial);
    }
    return std::nullopt;
  }

  /// The text that all names at hand are of, if it is another than was claimed. A claim may be of what a checkpoint was
  /// made from, and what is at hand another: bfloat16 beside what was made of fp8.
  std::optional<Value> called_otherwise(const SaidOption& said, const Pack& pack) {
    const std::vector<std::string> texts = open_options(rules_, gathered_.inputs, ast::Option::Type::Set);
    if (std::ranges::find(texts, said.name) == texts.end()) return std::nullopt;
    const FitScore now = score(pack, gathered_.inputs);
    for (const Value& value : set_values(rules_, said.name)) {
      if (value == said.value) continue;
      Inputs trial = gathered_.inputs;
      trial.options[said.name] = value;
      const std::optional<Pack> other = try_elaborate(rules_, trial, diags_);
      if (!other) continue;
      const FitScore then = score(*other, trial);
      if (then.missing == 0 && then.names_better_than(now)) return value;
    }
    return std::nullopt;
  }

  /// Takes the value if the checkpoint fits better with it, or if the pack itself excludes what it would else be. What
  /// else is wrong with that is for a person to see, not to be got round by another layout.
  void attempt(const std::string& name, const Value& value, bool by_names) {
    if (current_.pack ? current_.pack->options.at(name) == value : !is_excluded_) return;
    Inputs trial = gathered_.inputs;
    trial.options[name] = value;
    Try other = tried(rules_, trial, diags_);
    if (!other.pack) return;
    if (current_.pack) {
      const FitScore now = score(*current_.pack, trial);
      const FitScore then = score(*other.pack, trial);
      const bool better = by_names ? then.names_better_than(now) : then.names == now.names && then.shapes > now.shapes;
      if (!better) return;
      const std::string why = evidence(*other.pack, *current_.pack, trial);
      contradict(name, value, why);
      gathered_.decisions.push_back(fmt::format("{} is {}: {}", name, to_string(value), why));
    } else {
      gathered_.decisions.push_back(
          fmt::format("{} is {}: the pack requires what does not hold otherwise", name, to_string(value)));
    }
    gathered_.inputs.options[name] = value;
    current_ = std::move(other);
  }

  /// A config that says otherwise is wrong, or the checkpoint is.
  void contradict(const std::string& name, const Value& taken, const std::string& why) {
    Evaluator evaluator(rules_, gathered_.inputs, diags_);
    const Result<Value> said = evaluator.option(name);
    if (!said || *said == taken) return;
    const std::optional<Span> config = evaluator.config_of(name);
    if (!config || is_of_preset(*config)) return;
    report(diags_, *config, diag::ScanAxisMismatch, name, to_string(*said), why)
        .label("the config says so")
        .help(fmt::format("correct the config, or decide it with `--set {}=...`", name));
  }

  /// A preset is a model, not one of its checkpoints.
  bool is_of_preset(Span place) const {
    return std::ranges::any_of(BothSides, [&](SideId side) {
      const ConfigValue* config = gathered_.inputs.configs[number(side)];
      return config != nullptr && config->span.source == place.source && gathered_.is_preset[number(side)];
    });
  }

  const Rules& rules_;
  GatheredInputs& gathered_;
  Diagnostics& diags_;
  Try current_;
  bool is_excluded_ = false;  // by `require`, and nothing else is wrong
};

}  // namespace

std::optional<Pack> try_elaborate(const Rules& rules, const Inputs& inputs, Diagnostics& diags) {
  return tried(rules, inputs, diags).pack;
}

Result<Pack> elaborate(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags) {
  std::optional<Elaboration> known = std::exchange(gathered.elaboration, {});
  if (!known) return elaborate(rules, gathered.inputs, diags);
  for (Diagnostic& diagnostic : known->said) diags.add(std::move(diagnostic));
  return std::move(known->pack);
}

std::vector<Value> set_values(const Rules& rules, std::string_view option) {
  const auto& texts = std::get<ast::Option>(rules.statement(*rules.find(option)).node).values;
  return {texts.begin(), texts.end()};
}

std::vector<std::string> open_options(const Rules& rules, const Inputs& inputs, ast::Option::Type type) {
  std::vector<std::string> names;
  for (const auto& [name, definition] : rules.definitions) {
    if (definition.kind != DefinitionKind::Option || inputs.options.contains(name)) continue;
    if (std::get<ast::Option>(rules.statement(definition).node).type == type) names.push_back(name);
  }
  return names;
}

FitScore score(const Pack& pack, const Inputs& inputs) {
  FitScore result;
  for (const SideId side : BothSides) {
    const std::span<const TensorInfo> catalogue = inputs.catalogues[number(side)];
    if (catalogue.empty()) continue;
    std::size_t names = 0;
    const std::vector<std::optional<std::size_t>> places = pack.find_all(side, catalogue);
    for (std::size_t i = 0; i < catalogue.size(); ++i) {
      if (!places[i]) continue;
      ++names;
      result.shapes += pack.tensors[number(side)][*places[i]].shape == catalogue[i].shape;
    }
    result.names += names;
    result.missing += pack.tensors[number(side)].size() - names;
  }
  return result;
}

Status detect_options(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags) {
  gathered.elaboration.reset();
  if (gathered.inputs.catalogues[0].empty() && gathered.inputs.catalogues[1].empty()) return Done{};
  return Detector(rules, gathered, diags).run();
}

}  // namespace rulec
