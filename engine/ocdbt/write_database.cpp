// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/write_database.h"

#include <system_error>

#include "engine/file/output_file.h"
#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec::ocdbt {
namespace {

namespace fs = std::filesystem;

Finding cannot_write(const fs::path& path, const std::error_code& error, Diagnostics& diags) {
  return report(diags, FilePlace{path.string(), {}}, diag::CannotWrite, printable(path.string()), error.message());
}

Status write_nodes(const fs::path& path, std::span<const std::byte> nodes, Diagnostics& diags) {
  std::error_code error;
  fs::create_directory(path.parent_path(), error);  // not those above it: one that is gone was taken away
  if (error) return cannot_write(path.parent_path(), error, diags);
  if (!write_file(path, nodes, diags)) return diags.failed();
  return sync_folder(path.parent_path(), diags);
}

}  // namespace

std::string data_file_name(const Uuid& random) {
  std::string name = "d/";
  for (const std::byte byte : random) name += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return name;
}

Status write_manifest(const fs::path& folder, const Manifest& manifest, Diagnostics& diags) {
  const fs::path path = folder / ManifestName;
  const fs::path unfinished = path.string() + ".tmp";
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error)))
    return cannot_write(path, std::make_error_code(std::errc::file_exists), diags).help("write into an empty folder");
  const std::vector<std::byte> bytes =
      seal_envelope(encode_manifest(manifest), Magic::Manifest, manifest.configuration.compression);
  if (!write_file(unfinished, bytes, diags)) return diags.failed();
  fs::rename(unfinished, path, error);
  if (error) return cannot_write(path, error, diags);
  return sync_folder(folder, diags);
}

Status write_database(const fs::path& folder, std::span<const NewEntry> entries, Configuration configuration,
                      const Stamp& stamp, Diagnostics& diags) {
  configuration.uuid = stamp.uuid;
  const std::string file = data_file_name(stamp.node_file);
  const Result<BuiltTree> tree = build_tree(entries, configuration, file, 0, diags);
  if (!tree) return diags.failed();
  if (!tree->nodes.empty() && !write_nodes(folder / file, tree->nodes, diags)) return diags.failed();
  return write_manifest(folder, manifest_of(*tree, configuration, file, stamp.commit_time), diags);
}

}  // namespace rulec::ocdbt
