// SPDX-License-Identifier: Apache-2.0
// A pack as written: its file and those it imports, parsed, with every name resolved. Nothing here depends on a config;
// what does is `elaborate`'s.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/ast.h"

#include <rulec/diagnostics.h>
#include <rulec/pack.h>

namespace rulec {

/// The two sides of a pack, in the order of its first line.
enum class SideId : std::uint8_t { Left, Right };
inline constexpr std::array<SideId, 2> BothSides{SideId::Left, SideId::Right};
inline SideId other(SideId side) {
  return side == SideId::Left ? SideId::Right : SideId::Left;
}
inline std::size_t number(SideId side) {
  return static_cast<std::size_t>(side);
}

enum class DefinitionKind : std::uint8_t { Config, Let, Option, Hook, Path, Block };

/// `config entry`, `hook`, ...: for messages.
std::string_view describe(DefinitionKind kind);

/// A name of the pack's one namespace.
struct Definition {
  DefinitionKind kind{};
  std::size_t file = 0;          ///< of Rules::files
  ast::StatementId statement{};  ///< where it stands
  std::size_t entry = 0;         ///< of a config's entries or a let's definitions
  Span span;                     ///< of the name
};

/// A model that the pack is shipped with: configs and lists of tensors, as texts by file name (`config.json`,
/// `maxtext.yml`, `hf.tensors`). They are read when somebody asks.
struct PresetFiles {
  std::string name;
  std::map<std::string, std::string, std::less<>> files;  ///< name -> what to print in messages
};

/// Reads files of one pack, bundled or on disk, by a path relative to its root.
struct PackFolder {
  std::string root;  ///< printed before the relative path in messages
  std::function<std::optional<std::string>(std::string_view path)> read;
  std::vector<std::string> paths;  ///< every file below `presets/`, relative to the pack's own folder
};

/// Where an `import` leads.
struct ImportLink {
  ast::StatementId statement{};
  std::size_t file = 0;  ///< of Rules::files
};

struct Rules {
  std::string name;
  std::array<std::string, 2> sides;
  std::string title;
  std::vector<ast::File> files;                  ///< the pack first, then what it imports, each once
  std::vector<SharedSource> sources;             ///< their texts: spans of a pack are good as long as it
  std::vector<std::vector<ImportLink>> imports;  ///< by file
  std::map<std::string, Definition, std::less<>> definitions;
  std::vector<PresetFiles> presets;  ///< folders below `presets/`, and `preset` statements; by name
  PackFolder folder;

  const Definition* find(std::string_view name) const;
  std::optional<SideId> side(std::string_view name) const;
  const ast::Statement& statement(const Definition& definition) const {
    return files[definition.file][definition.statement];
  }
};

/// Loads a pack: a bundled one by name, else a `.rules` file, else a folder that holds `<folder>.rules` or one `.rules`
/// file. Parses it and its imports (relative, not absolute, at most one level above the pack's folder), and resolves
/// every name.
///
/// Errors: syntax, R0105, R0202, R0203, R0207, R0211, R0212, R0214, R0221; warnings R0204, R0205, R0206, R0219, R0702,
/// R0703, R0706.
Result<Rules> load_rules(std::string_view name_or_path, Diagnostics& diags);

/// The same from a text of `diags.sources()`; imports are looked up in `folder`. For tests and editors.
Result<Rules> load_rules(SourceId source, PackFolder folder, Diagnostics& diags);

/// Reports what is wrong with names: every name that nothing defines, with close ones; every name defined twice, used
/// never, hidden or given the wrong arguments. Part of `load_rules`.
Status resolve_names(const Rules& rules, Diagnostics& diags);

}  // namespace rulec
