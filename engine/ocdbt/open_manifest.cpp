// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/open_manifest.h"

#include <algorithm>
#include <system_error>

#include "engine/file/input_file.h"
#include "engine/file/lfs_pointer.h"
#include "engine/file/links.h"
#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec::ocdbt {
namespace {

namespace fs = std::filesystem;

// How Orbax names the database that each process of a job writes; the first process merges them at the end.
constexpr std::string_view ProcessPrefix = "ocdbt.process_";

Result<std::vector<std::string>> names_in(const fs::path& folder, Diagnostics& diags) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error)
    return report(diags, FilePlace{folder.string(), {}}, diag::CannotRead, printable(folder.string()), error.message());
  std::ranges::sort(names);
  return names;
}

Result<OpenedManifest> read_manifest(const fs::path& folder, std::string_view name, Diagnostics& diags) {
  const fs::path path = folder / name;
  if (!check_link(folder, path, diags)) return diags.failed();
  const Result<InputFile> file = InputFile::open(path, diags);
  if (!file) return diags.failed();
  if (file->size() > MaxBodyBytes) {
    return report(diags, FilePlace{path.string(), {}}, diag::OverLimit,
                  fmt::format("the manifest `{}` has {} bytes", printable(path.string()), file->size()),
                  fmt::format("{}", MaxBodyBytes));
  }
  std::vector<std::byte> bytes(file->size());
  if (!file->read(0, bytes, diags)) return diags.failed();
  if (is_lfs_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    return report(diags, FilePlace{path.string(), {}}, diag::LfsPointer, printable(path.string()))
        .help("fetch the files themselves: `git lfs pull`");
  }
  const Origin origin{path.string(), 0, "manifest"};
  const Result<std::vector<std::byte>> body = open_envelope(bytes, Magic::Manifest, origin, diags);
  if (!body) return diags.failed();
  Result<Manifest> manifest = decode_manifest(*body, origin, diags);
  if (!manifest) return diags.failed();
  return OpenedManifest{path.string(), *std::move(manifest)};
}

// `manifest.` and 16 hexadecimal digits, so that the highest number is the last name.
bool is_numbered_name(std::string_view name) {
  constexpr std::string_view Prefix = "manifest.";
  constexpr std::size_t Digits = 16;
  return name.size() == Prefix.size() + Digits && name.starts_with(Prefix) &&
         name.find_first_not_of("0123456789abcdef", Prefix.size()) == std::string_view::npos;
}

Result<OpenedManifest> read_numbered(const fs::path& folder, const OpenedManifest& first, Diagnostics& diags) {
  const Result<std::vector<std::string>> names = names_in(folder, diags);
  if (!names) return diags.failed();
  const auto newest = std::find_if(names->rbegin(), names->rend(), is_numbered_name);
  if (newest == names->rend())
    return report_bad({first.path, 0, "manifest"}, 0, "it is numbered, and there is no `manifest.0...` beside it",
                      diags);
  Result<OpenedManifest> numbered = read_manifest(folder, *newest, diags);
  if (!numbered) return diags.failed();
  if (numbered->manifest.configuration.is_numbered)
    return report_bad({numbered->path, 0, "manifest"}, 0, "it is itself of the numbered kind", diags);
  if (numbered->manifest.configuration.uuid != first.manifest.configuration.uuid)
    return report_bad({numbered->path, 0, "manifest"}, 0, "its uuid is not that of `manifest.ocdbt`", diags);
  return numbered;
}

Result<OpenedManifest> no_manifest(const fs::path& folder, Diagnostics& diags) {
  const Result<std::vector<std::string>> names = names_in(folder, diags);
  if (!names) return diags.failed();
  const auto is_of_process = [](std::string_view name) { return name.starts_with(ProcessPrefix); };
  if (const auto count = std::ranges::count_if(*names, is_of_process); count > 0) {
    return report_bad({folder.string(), 0, "database"}, 0,
                      fmt::format("it has no `{}`, only those of {} processes, in `{}...`", ManifestName, count,
                                  *std::ranges::find_if(*names, is_of_process)),
                      diags)
        .help("the job ended before it had merged what its processes wrote: take an older step");
  }
  return report_bad({folder.string(), 0, "database"}, 0, fmt::format("it has no `{}`", ManifestName), diags);
}

}  // namespace

Result<OpenedManifest> open_manifest(const fs::path& folder, Diagnostics& diags) {
  std::error_code error;
  if (fs::symlink_status(folder / ManifestName, error).type() == fs::file_type::not_found)
    return no_manifest(folder, diags);
  Result<OpenedManifest> manifest = read_manifest(folder, ManifestName, diags);
  if (!manifest || !manifest->manifest.configuration.is_numbered) return manifest;
  return read_numbered(folder, *manifest, diags);
}

}  // namespace rulec::ocdbt
