// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "engine/config/config.h"
#include "engine/rules/bundled.h"
#include "engine/store/name_series.h"

#include <rulec/pack.h>

namespace rulec {
namespace {

/// `<pack>/presets/<model>/<file>`, or nothing.
struct PresetFile {
  std::string_view pack;
  std::string_view model;
  std::string_view file;
};

std::optional<PresetFile> preset_file(std::string_view path) {
  constexpr std::string_view Presets = "/presets/";
  const std::size_t presets = path.find(Presets);
  const std::size_t slash = path.rfind('/');
  const std::size_t begin = presets + Presets.size();
  if (presets == path.npos || slash < begin) return std::nullopt;
  return PresetFile{path.substr(0, presets), path.substr(begin, slash - begin), path.substr(slash + 1)};
}

std::string model_type(std::string_view path, std::string_view text) {
  Diagnostics diags;
  const auto config = parse_config(diags.sources().add(std::string(path), std::string(text)), diags);
  const ConfigValue* type = config ? config->find("model_type") : nullptr;
  const auto* name = type != nullptr ? std::get_if<std::string>(&type->node) : nullptr;
  return name != nullptr ? *name : std::string();
}

/// The tensors of a list: each line that is not a comment begins with a name or a series of them.
std::size_t count_tensors(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view name = line.substr(0, line.find_first_of(" \t"));
    if (!name.empty() && name.front() != '#') count += size_of_series(name).value_or(0);
  }
  return count;
}

}  // namespace

std::vector<ShippedModel> shipped_models() {
  constexpr std::string_view List = ".tensors";
  std::map<std::pair<std::string_view, std::string_view>, ShippedModel> models;
  for (const BundledText& text : bundled_rules()) {
    const std::optional<PresetFile> found = preset_file(text.path);
    if (!found) continue;
    ShippedModel& model = models[{found->pack, found->model}];
    model.pack = found->pack;
    model.name = found->model;
    if (found->file == "config.json") model.model_type = model_type(text.path, text.text);
    if (found->file.ends_with(List))
      model.tensors[std::string(found->file.substr(0, found->file.size() - List.size()))] = count_tensors(text.text);
  }
  std::vector<ShippedModel> sorted;
  for (auto& [name, model] : models) sorted.push_back(std::move(model));
  return sorted;
}

}  // namespace rulec
