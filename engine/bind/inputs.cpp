// SPDX-License-Identifier: Apache-2.0
#include "engine/bind/inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/bind/given_values.h"
#include "engine/rules/definitions.h"
#include "engine/rules/option_type.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// The side that a file of a preset is the config of: `config.json` is Hugging Face's, others are named after their
/// side.
std::optional<SideId> side_of_file(const Rules& rules, std::string_view file) {
  if (file == "config.json") return rules.side("hf");
  const std::size_t dot = file.rfind('.');
  const std::string_view extension = dot == std::string_view::npos ? "" : file.substr(dot);
  if (extension != ".yml" && extension != ".yaml" && extension != ".json") return std::nullopt;
  return rules.side(file.substr(0, dot));
}

void set_config(SideId side, ConfigValue value, std::string name, GatheredInputs& gathered) {
  gathered.configs[number(side)] = std::make_unique<ConfigValue>(std::move(value));
  gathered.inputs.configs[number(side)] = gathered.configs[number(side)].get();
  gathered.inputs.config_names[number(side)] = std::move(name);
}

std::optional<DType> requested_dtype(const ConfigValue& config) {
  for (const std::string_view key : {"dtype", "torch_dtype", "weight_dtype"}) {
    const ConfigValue* value = config.find(key);
    const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(&value->node);
    if (text == nullptr) continue;
    if (*text == "bfloat16") return DType::Bf16;
    if (*text == "float16") return DType::F16;
    if (*text == "float32") return DType::F32;
    if (const auto dtype = find_dtype(*text)) return dtype;
  }
  return std::nullopt;
}

Result<Value> option_value(const Rules& rules, const std::string& name, const std::string& text, const Place& place,
                           Diagnostics& diags) {
  const Definition* found = rules.find(name);
  if (found == nullptr || found->kind != DefinitionKind::Option) {
    std::vector<std::string> known;
    for (const auto& [other, definition] : rules.definitions) {
      if (definition.kind == DefinitionKind::Option) known.push_back(other);
    }
    Finding finding = report(diags, place, diag::UnknownOption, rules.name, name);
    const auto close = close_names(name, known);
    finding.help(close.empty() ? fmt::format("its options: `{}`", fmt::join(known, "`, `"))
                               : fmt::format("did you mean `{}`?", close.front()));
    return finding;
  }
  const auto& option = std::get<ast::Option>(rules.statement(*found).node);
  if (std::optional<Value> value = read_option(option, text)) return *std::move(value);
  return report(diags, place, diag::BadOptionValue, name, text, taken_by(option));
}

/// What `store` says of options of the pack. It may say other things too, and does not know what an option takes.
void hear(const Rules& rules, const TensorStore& store, GatheredInputs& gathered) {
  for (const auto& [name, text] : store.options()) {
    const Definition* found = rules.find(name);
    if (found == nullptr || found->kind != DefinitionKind::Option) continue;
    std::optional<Value> value = read_option(std::get<ast::Option>(rules.statement(*found).node), text);
    if (value) gathered.said.push_back({name, *std::move(value), store.options_file(), false});
  }
}

/// The values that a `preset` statement gives, if there is one of this name.
Status take_statement(const Rules& rules, const std::string& preset, GatheredInputs& gathered, Diagnostics& diags) {
  for (const ast::Statement& statement : rules.files.front().statements) {
    const auto* node = std::get_if<ast::Preset>(&statement.node);
    if (node == nullptr || node->name.text != preset) continue;
    std::vector<GivenEntry> entries;
    for (const ast::PresetEntry& entry : node->entries) entries.push_back({dotted(entry.key), entry.value});
    auto values = given_values(rules, gathered.inputs, entries, diags);
    if (!values) return diags.failed();
    for (auto& [name, value] : *values) gathered.inputs.values.insert_or_assign(name, std::move(value));
  }
  return Done{};
}

}  // namespace

Status take_preset(const Rules& rules, const std::string& preset, GatheredInputs& gathered, Diagnostics& diags) {
  const auto found = std::ranges::find(rules.presets, preset, &PresetFiles::name);
  if (found == rules.presets.end()) {
    std::vector<std::string> known;
    for (const PresetFiles& p : rules.presets) known.push_back(p.name);
    Finding finding = report(diags, {}, diag::UnknownPreset, rules.name, preset);
    const auto close = close_names(preset, known);
    if (known.empty()) return finding.help("it has none: give the model by --config SIDE=FILE");
    return finding.help(close.empty() ? fmt::format("its presets: `{}`", fmt::join(known, "`, `"))
                                      : fmt::format("did you mean `{}`?", close.front()));
  }
  for (const auto& [file, printed] : found->files) {
    const std::optional<SideId> side = side_of_file(rules, file);
    if (!side || gathered.inputs.configs[number(*side)] != nullptr) continue;
    const std::optional<std::string> text = rules.folder.read(fmt::format("presets/{}/{}", preset, file));
    if (!text) return report(diags, FilePlace{printed, std::nullopt}, diag::CannotRead, printed, "no such file");
    Result<ConfigValue> config = parse_config(diags.sources().add(printed, *text), diags);
    if (!config) return diags.failed();
    set_config(*side, *std::move(config), printed, gathered);
    gathered.is_preset[number(*side)] = true;
  }
  gathered.inputs.preset = preset;
  return take_statement(rules, preset, gathered, diags);
}

Result<GatheredInputs> gather_inputs(const Rules& rules, const BindOptions& options, Diagnostics& diags) {
  GatheredInputs gathered;
  const std::size_t errors = diags.errors();
  for (const auto& [name, text] : options.options) {
    Result<Value> value = option_value(rules, name, text, {}, diags);
    if (value) gathered.inputs.options[name] = *std::move(value);
  }
  for (const auto& [side_name, path] : options.configs) {
    const std::optional<SideId> side = rules.side(side_name);
    if (!side) {
      report(diags, {}, diag::UnknownSide, rules.name, side_name)
          .help(fmt::format("its sides: `{}`, `{}`", rules.sides[0], rules.sides[1]));
      continue;
    }
    Result<ConfigValue> config = read_config(path, diags);
    if (!config) continue;
    if (const auto dtype = requested_dtype(*config)) gathered.dtypes[side_name] = *dtype;
    set_config(*side, *std::move(config), path.string(), gathered);
  }
  for (const auto& [side_name, store] : options.checkpoints) {
    const std::optional<SideId> side = rules.side(side_name);
    if (!side) continue;
    gathered.inputs.catalogues[number(*side)] = store->tensors();
    hear(rules, *store, gathered);
  }
  for (const OptionClaim& claim : options.claims) {
    if (options.options.contains(claim.name)) continue;
    Result<Value> value = option_value(rules, claim.name, claim.value, FilePlace{claim.file, {}}, diags);
    if (value) gathered.said.push_back({claim.name, *std::move(value), claim.file, true});
  }
  if (!options.preset.empty() && !take_preset(rules, options.preset, gathered, diags)) return diags.failed();
  if (diags.errors() > errors) return diags.failed();
  return gathered;
}

Result<GatheredInputs> find_inputs(const Rules& rules, const BindOptions& options, Diagnostics& diags) {
  Result<GatheredInputs> gathered = gather_inputs(rules, options, diags);
  if (!gathered || !detect_options(rules, *gathered, diags)) return diags.failed();
  const bool stored = !gathered->inputs.catalogues[0].empty() || !gathered->inputs.catalogues[1].empty();
  if (!stored || gathered->elaboration) return gathered;
  if (options.preset.empty() && !solve_sizes(rules, *gathered, diags)) return diags.failed();
  if (!detect_options(rules, *gathered, diags)) return diags.failed();
  return gathered;
}

}  // namespace rulec
