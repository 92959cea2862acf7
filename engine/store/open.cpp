// SPDX-License-Identifier: Apache-2.0
// Which files of a path are the checkpoint, and whether they may be opened.
#include <algorithm>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "engine/file/input_file.h"
#include "engine/file/links.h"
#include "engine/file/printable.h"
#include "engine/store/orbax/locate.h"
#include "engine/store/orbax/orbax_store.h"
#include "engine/store/safetensors_store.h"
#include "engine/store/shard_index.h"
#include "grammar/messages.h"

#include <rulec/store.h>

namespace rulec {
namespace {

namespace fs = std::filesystem;

Finding cannot_read(const fs::path& path, const std::error_code& error, Diagnostics& diags) {
  return report(diags, FilePlace{path.string(), {}}, diag::CannotRead, printable(path.string()), error.message());
}

// The names in `folder` that end in `.safetensors`, sorted.
Result<std::vector<std::string>> safetensors_names(const fs::path& folder, Diagnostics& diags) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".safetensors") names.push_back(it->path().filename().string());
  }
  if (error) return cannot_read(folder, error, diags);
  std::ranges::sort(names);
  return names;
}

Result<ShardIndex> read_index(const fs::path& path, Diagnostics& diags) {
  const Result<InputFile> file = InputFile::open(path, diags);
  if (!file) return diags.failed();
  if (file->size() > MaxIndexBytes) {
    return report(diags, FilePlace{path.string(), {}}, diag::OverLimit,
                  fmt::format("`{}` has {} bytes", printable(path.string()), file->size()),
                  fmt::format("{}", MaxIndexBytes));
  }
  std::string text(file->size(), '\0');
  if (!file->read(0, std::as_writable_bytes(std::span(text)), diags)) return diags.failed();
  return parse_shard_index(text, path.string(), diags);
}

// Every shard that the index names is there and may be opened.
Status check_shards(const fs::path& folder, const ShardIndex& index, const std::string& index_path,
                    Diagnostics& diags) {
  std::optional<Reported> failed;
  for (const std::string& name : index.files) {
    std::error_code error;
    if (const fs::file_type type = fs::status(folder / name, error).type(); type == fs::file_type::not_found) {
      failed = report(diags, FilePlace{index_path, {}}, diag::ShardMissing, printable(name))
                   .help("fetch it, or fetch the whole folder again");
    } else if (!check_link(folder, folder / name, diags)) {
      failed = diags.failed();
    }
  }
  if (failed) return *failed;
  return Done{};
}

Result<std::unique_ptr<TensorStore>> open_index(const std::string& where, const fs::path& index_path,
                                                Diagnostics& diags) {
  const fs::path folder = index_path.parent_path();
  if (!check_link(folder, index_path, diags)) return diags.failed();
  const Result<std::vector<std::string>> names = safetensors_names(folder, diags);
  if (!names) return diags.failed();
  const Result<ShardIndex> index = read_index(index_path, diags);
  if (!index || !check_shards(folder, *index, index_path.string(), diags)) return diags.failed();
  for (const std::string& name : *names) {
    if (std::ranges::binary_search(index->files, name)) continue;
    report(diags, FilePlace{(folder / name).string(), {}}, diag::UnlistedShard, printable(name));
  }
  return open_safetensors_shards(where, folder, *index, index_path.string(), diags);
}

Result<std::unique_ptr<TensorStore>> open_folder(const fs::path& folder, Diagnostics& diags) {
  if (orbax::has_marks(folder)) return orbax::open_checkpoint(folder, orbax::Names::AsRules, diags);
  const Result<std::vector<std::string>> names = safetensors_names(folder, diags);
  if (!names) return diags.failed();
  std::error_code error;
  const fs::path index_path = folder / IndexName;
  if (fs::exists(fs::symlink_status(index_path, error))) return open_index(folder.string(), index_path, diags);
  const bool has_model = std::ranges::binary_search(*names, "model.safetensors");
  if (has_model || names->size() == 1) {
    const fs::path file = folder / (has_model ? "model.safetensors" : names->front());
    if (!check_link(folder, file, diags)) return diags.failed();
    return open_safetensors_file(file, diags);
  }
  if (names->empty() && orbax::has_folders(folder)) return orbax::open_checkpoint(folder, orbax::Names::AsRules, diags);
  Finding finding = report(diags, FilePlace{folder.string(), {}}, diag::NoCheckpoint, printable(folder.string()));
  if (names->empty()) {
    return finding.note(fmt::format(
        "looked for `{}`, `model.safetensors`, any other `*.safetensors`, and `_METADATA` of Orbax", IndexName));
  }
  return finding.note(fmt::format("it has {} files `*.safetensors` and no `{}`", names->size(), IndexName))
      .help("fetch the index too, or name one of the files");
}

}  // namespace

Result<std::unique_ptr<TensorStore>> open_store(const fs::path& path, Diagnostics& diags) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    return cannot_read(path, error ? error : std::make_error_code(std::errc::no_such_file_or_directory), diags);
  if (fs::is_directory(status)) return open_folder(path, diags);
  if (path.filename().string().ends_with(".safetensors.index.json")) return open_index(path.string(), path, diags);
  return open_safetensors_file(path, diags);
}

}  // namespace rulec
