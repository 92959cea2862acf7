// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/rules.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/rules/definitions.h"
#include "engine/rules/folder.h"
#include "engine/rules/imports.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// The folders of presets and the statements, each name once.
std::vector<PresetFiles> all_presets(const ast::File& pack, const PackFolder& folder) {
  std::vector<PresetFiles> presets = preset_folders(folder);
  for (const ast::StatementId id : pack.body) {
    const auto* preset = std::get_if<ast::Preset>(&pack[id].node);
    if (preset && std::ranges::find(presets, preset->name.text, &PresetFiles::name) == presets.end())
      presets.push_back({preset->name.text, {}});
  }
  std::ranges::sort(presets, {}, &PresetFiles::name);
  return presets;
}

const ast::PackLine* pack_line(const ast::File& file) {
  for (const ast::StatementId id : file.body) {
    if (const auto* line = std::get_if<ast::PackLine>(&file[id].node)) return line;
  }
  return nullptr;
}

}  // namespace

const Definition* Rules::find(std::string_view name) const {
  const auto found = definitions.find(name);
  return found == definitions.end() ? nullptr : &found->second;
}

std::optional<SideId> Rules::side(std::string_view name) const {
  for (const SideId id : BothSides) {
    if (!name.empty() && sides[number(id)] == name) return id;
  }
  return std::nullopt;
}

Result<Rules> load_rules(SourceId source, PackFolder folder, Diagnostics& diags) {
  const std::filesystem::path printed(diags.sources()[source].name());
  Result<ImportedFiles> read = read_with_imports(source, printed.filename().generic_string(), folder, diags);
  if (!read) return diags.failed();

  Rules rules;
  rules.files = std::move(read->files);
  rules.imports = std::move(read->imports);
  for (const ast::File& file : rules.files) rules.sources.push_back(diags.sources().shared(file.source));
  rules.folder = std::move(folder);
  const ast::File& pack = rules.files.front();
  rules.name = printed.stem().generic_string();
  if (const ast::PackLine* line = pack_line(pack)) {
    rules.name = line->name.text;
    rules.sides = {line->left.text, line->right.text};
    rules.title = line->title.value_or("");
  }
  rules.presets = all_presets(pack, rules.folder);
  for (std::size_t i = 0; i < rules.files.size(); ++i) {
    for (const NamedDefinition& one : definitions_of(rules.files[i], i))
      rules.definitions.emplace(one.name->text, one.definition);
  }
  if (!resolve_names(rules, diags)) return diags.failed();
  return rules;
}

Result<Rules> load_rules(std::string_view name_or_path, Diagnostics& diags) {
  Result<FoundPack> found = find_pack(name_or_path, diags);
  if (!found) return diags.failed();
  const SourceId source = diags.sources().add(printed_path(found->folder, found->file), std::move(found->text));
  Result<Rules> rules = load_rules(source, std::move(found->folder), diags);
  if (rules && rules->sides[0].empty()) {
    return report(diags, {}, diag::UnknownPack, name_or_path)
        .note(diags.sources()[source].name() + " is a library: it has no `pack` line")
        .help("a pack begins with a line such as `pack name : maxtext -> hf`");
  }
  return rules;
}

}  // namespace rulec
