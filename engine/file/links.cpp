// SPDX-License-Identifier: Apache-2.0
#include "engine/file/links.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

namespace fs = std::filesystem;

Finding cannot_read(const fs::path& path, const std::error_code& error, Diagnostics& diags) {
  return report(diags, FilePlace{path.string(), {}}, diag::CannotRead, printable(path.string()), error.message());
}

bool is_within(const fs::path& path, const fs::path& folder) {
  const auto [rest_of_folder, rest_of_path] = std::ranges::mismatch(folder, path);
  return rest_of_folder == folder.end() && rest_of_path != path.end();
}

// Both paths without links.
bool is_in_blobs(const fs::path& path, const fs::path& folder) {
  for (fs::path revision = folder; revision.has_relative_path(); revision = revision.parent_path()) {
    const fs::path snapshots = revision.parent_path();
    if (snapshots.filename() == "snapshots" && is_within(path, snapshots.parent_path() / "blobs")) return true;
  }
  return false;
}

}  // namespace

Status check_link(const fs::path& folder, const fs::path& file, Diagnostics& diags) {
  std::error_code error;
  const fs::path target = fs::canonical(file, error);
  if (error) {
    std::error_code ignored;
    if (!fs::is_symlink(fs::symlink_status(file, ignored))) return Done{};
    return cannot_read(file, error, diags)
        .note(fmt::format("it is a symbolic link to `{}`", printable(fs::read_symlink(file, ignored).string())));
  }
  const fs::path real_folder = fs::canonical(folder.empty() ? "." : folder, error);
  if (error) return cannot_read(folder, error, diags);
  if (is_within(target, real_folder) || is_in_blobs(target, real_folder)) return Done{};
  return report(diags, FilePlace{file.string(), {}}, diag::UnsafePath, printable(file.string()),
                "is a symbolic link out of the folder of the checkpoint")
      .note(fmt::format("it leads to `{}`", printable(target.string())))
      .help("copy the file into the folder, or open it by its own path");
}

}  // namespace rulec
