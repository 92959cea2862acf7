// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "engine/rules/bundled.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view Extension = ".rules";

/// `path` may begin with `<rulec>/` or not.
std::optional<std::string> read_bundled(std::string_view path) {
  if (is_bundled_path(path)) path.remove_prefix(BundledRoot.size() + 1);
  const auto texts = bundled_rules();
  const auto found = std::ranges::find(texts, fs::path(path).lexically_normal().generic_string(), &BundledText::path);
  return found == texts.end() ? std::nullopt : std::optional(std::string(found->text));
}

FoundPack bundled_pack(std::string_view name) {
  const std::string prefix = std::string(name) + "/";
  FoundPack pack{prefix.substr(0, prefix.size() - 1) + ".rules", {}, {fmt::format("{}/{}", BundledRoot, name), {}, {}}};
  pack.folder.read = [prefix](std::string_view path) {
    return read_bundled(is_bundled_path(path) ? std::string(path) : prefix + std::string(path));
  };
  for (const BundledText& text : bundled_rules()) {
    if (text.path.starts_with(prefix + "presets/")) pack.folder.paths.emplace_back(text.path.substr(prefix.size()));
  }
  pack.text = *pack.folder.read(pack.file);
  return pack;
}

std::optional<std::string> read_from_disk(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || error) return std::nullopt;
  const auto size = fs::file_size(path, error);
  if (error || size > MaxRulesBytes) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(file), {});
  return file.bad() ? std::nullopt : std::optional(std::move(text));
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (const fs::directory_iterator end; !error && at != end; at.increment(error)) found.push_back(at->path());
  std::ranges::sort(found);
  return found;
}

/// `presets/<model>/<file>` below the folder of a pack.
std::vector<std::string> preset_paths(const fs::path& folder) {
  std::vector<std::string> found;
  for (const fs::path& model : entries(folder / "presets")) {
    for (const fs::path& file : entries(model)) found.push_back(file.lexically_relative(folder).generic_string());
  }
  return found;
}

Result<FoundPack> pack_on_disk(const fs::path& path, Diagnostics& diags) {
  const fs::path folder = path.parent_path();
  std::optional<std::string> text = read_from_disk(path);
  if (!text) {
    return report(diags, {}, diag::CannotRead, path.generic_string(),
                  fmt::format("a rule file is a readable file of at most {} bytes", MaxRulesBytes));
  }
  const auto read = [folder](std::string_view relative) {
    return is_bundled_path(relative) ? read_bundled(relative) : read_from_disk((folder / relative).lexically_normal());
  };
  return FoundPack{path.filename().generic_string(),
                   *std::move(text),
                   {folder.generic_string(), read, preset_paths(folder.empty() ? "." : folder)}};
}

/// The rule file of a folder: `<folder>.rules`, or the only one.
std::optional<fs::path> rules_in(const fs::path& folder, std::vector<std::string>& notes) {
  std::error_code error;
  fs::path whole = fs::absolute(folder, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const fs::path own = folder / (whole.filename().string() + std::string(Extension));
  if (fs::is_regular_file(own, error)) return own;

  std::vector<fs::path> found = entries(folder);
  std::erase_if(found, [](const fs::path& path) { return path.extension() != Extension; });
  if (found.size() == 1) return found.front();
  std::vector<std::string> names;
  for (const fs::path& path : found) names.push_back(path.filename().generic_string());
  notes.push_back(found.empty() ? fmt::format("the folder `{}` has no `.rules` file", folder.generic_string())
                                : fmt::format("the folder `{}` has several rule files: `{}`", folder.generic_string(),
                                              fmt::join(names, "`, `")));
  return std::nullopt;
}

Reported unknown_pack(std::string_view name, const std::vector<std::string>& notes, Diagnostics& diags) {
  Finding finding = report(diags, {}, diag::UnknownPack, name);
  for (const std::string& note : notes) finding.note(note);
  const std::vector<std::string> bundled = bundled_packs();
  if (const auto close = close_names(name, bundled); !close.empty()) {
    finding.help(fmt::format("did you mean `{}`?", fmt::join(close, "` or `")));
  } else if (notes.empty()) {
    finding.note(fmt::format("packs within rulec: `{}`", fmt::join(bundled, "`, `")));
    finding.help("or give the path of a `.rules` file");
  }
  return finding;
}

}  // namespace

bool is_bundled_path(std::string_view path) {
  return path.starts_with(BundledRoot) && path.substr(BundledRoot.size()).starts_with('/');
}

std::vector<std::string> bundled_packs() {
  std::vector<std::string> names;
  for (const BundledText& text : bundled_rules()) {
    const fs::path path(text.path);
    const std::string name = path.stem().string();
    if (path == fs::path(name) / (name + std::string(Extension))) names.push_back(name);
  }
  return names;
}

Result<FoundPack> find_pack(std::string_view name_or_path, Diagnostics& diags) {
  const std::vector<std::string> bundled = bundled_packs();
  if (std::ranges::find(bundled, name_or_path) != bundled.end()) return bundled_pack(name_or_path);

  const fs::path path(name_or_path);
  std::vector<std::string> notes;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    if (const auto rules = rules_in(path, notes)) return pack_on_disk(*rules, diags);
  } else if (fs::exists(path, error)) {
    if (path.extension() == Extension) return pack_on_disk(path, diags);
    notes.push_back(fmt::format("the name of a rule file ends in `{}`", Extension));
  } else if (path.has_parent_path() || path.extension() == Extension) {
    notes.push_back(fmt::format("there is no file `{}`", name_or_path));
  }
  return unknown_pack(name_or_path, notes, diags);
}

std::string printed_path(const PackFolder& folder, std::string_view path) {
  const fs::path root = is_bundled_path(path) ? fs::path() : fs::path(folder.root);
  return (root / path).lexically_normal().generic_string();
}

std::vector<PresetFiles> preset_folders(const PackFolder& folder) {
  std::vector<PresetFiles> presets;
  std::vector<std::string> paths = folder.paths;
  std::ranges::sort(paths);
  for (const std::string& text : paths) {
    const fs::path path(text);
    if (path.begin() == path.end() || *path.begin() != "presets" || std::distance(path.begin(), path.end()) != 3)
      continue;
    const std::string model = path.parent_path().filename().string();
    if (presets.empty() || presets.back().name != model) presets.push_back({model, {}});
    presets.back().files.emplace(path.filename().string(), printed_path(folder, text));
  }
  std::ranges::sort(presets, {}, &PresetFiles::name);
  return presets;
}

}  // namespace rulec
