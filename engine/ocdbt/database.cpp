// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/database.h"

#include <algorithm>
#include <system_error>

#include "engine/ocdbt/data_files.h"
#include "engine/ocdbt/open_manifest.h"
#include "engine/ocdbt/tree_reader.h"
#include "grammar/internal_error.h"

namespace rulec::ocdbt {

bool has_database(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::exists(folder / ManifestName, error);
}

Result<Database> Database::open(const std::filesystem::path& folder, Diagnostics& diags) {
  const Result<OpenedManifest> opened = open_manifest(folder, diags);
  if (!opened) return diags.failed();
  DataFiles data_files(folder);
  const Manifest& manifest = opened->manifest;
  Result<ReadTree> tree = read_tree(manifest.versions.back(), manifest.files, data_files, diags);
  if (!tree) return diags.failed();
  Database database;
  database.entries_ = std::move(tree->entries);
  database.inline_values_ = std::move(tree->inline_values);
  database.files_ = data_files.take();
  return database;
}

const Entry* Database::find(std::string_view key) const {
  const auto found =
      std::ranges::lower_bound(entries_, key, {}, [](const Entry& e) { return std::string_view(e.key); });
  return found != entries_.end() && found->key == key ? &*found : nullptr;
}

Status Database::read(const Entry& entry, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
                      Room room) const {
  RULEC_ASSERT(offset <= entry.length && into.size() <= entry.length - offset);
  if (entry.file) return files_[*entry.file].read(entry.offset + offset, into, diags, room);
  std::ranges::copy(std::span(inline_values_).subspan(entry.offset + offset, into.size()), into.begin());
  return Done{};
}

}  // namespace rulec::ocdbt
