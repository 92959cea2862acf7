// SPDX-License-Identifier: Apache-2.0
// Finds packs: within the library or on disk.
#pragma once

#include <string>
#include <string_view>

#include "engine/rules/rules.h"

namespace rulec {

/// A rule file is at most this long, in bytes.
inline constexpr std::uint64_t MaxRulesBytes = std::uint64_t{16} << 20;

/// Where the files of the library lie, for messages and for imports: `<rulec>/common/decoder.rules`.
inline constexpr std::string_view BundledRoot = "<rulec>";

/// Whether a path leads into the library.
bool is_bundled_path(std::string_view path);

struct FoundPack {
  std::string file;  ///< of the pack, relative to its folder
  std::string text;
  PackFolder folder;
};

/// The pack of this name or at this path, as `load_rules` looks for it. Errors: R0221, R0801.
Result<FoundPack> find_pack(std::string_view name_or_path, Diagnostics& diags);

/// What messages call a file that a pack is made of, its own or one of the library: `<rulec>/gemma2/gemma2.rules`,
/// `packs/common.rules`.
std::string printed_path(const PackFolder& folder, std::string_view path);

/// Models below `presets/` of a pack's folder, by name.
std::vector<PresetFiles> preset_folders(const PackFolder& folder);

}  // namespace rulec
