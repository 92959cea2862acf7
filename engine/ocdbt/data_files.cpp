// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/data_files.h"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "engine/file/links.h"
#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec::ocdbt {
namespace {

// Empty if `name` is a path that stays below its folder, else what it is instead.
std::string_view what_is_unsafe(const std::string& name) {
  if (name.empty()) return "is empty, expected the path of a data file";
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return "has control characters";
  const std::filesystem::path path(name);
  if (path.is_absolute()) return "is an absolute path, expected one below the folder of the database";
  if (std::ranges::find(path, "..") != path.end()) return "leads out of the folder of the database";
  return {};
}

Result<InputFile> open_below(const std::filesystem::path& folder, const std::string& name, Diagnostics& diags) {
  if (const std::string_view unsafe = what_is_unsafe(name); !unsafe.empty()) {
    return report(diags, FilePlace{folder.string(), {}}, diag::UnsafePath, printable(name), unsafe)
        .note("the database names it as one of its data files");
  }
  const std::filesystem::path path = folder / name;
  if (!check_link(folder, path, diags)) return diags.failed();
  if (std::error_code error; !std::filesystem::exists(path, error) && !error) {
    const std::string why = std::make_error_code(std::errc::no_such_file_or_directory).message();
    return report(diags, FilePlace{path.string(), {}}, diag::CannotRead, printable(path.string()), why)
        .note("the database names it as one of its data files")
        .help("the checkpoint is not whole, as after a copy or a download that was cut off: fetch it again");
  }
  return InputFile::open(path, diags);
}

}  // namespace

Result<std::size_t> DataFiles::find(const std::string& name, Diagnostics& diags) {
  const auto [known, is_new] = positions_.try_emplace(name);
  if (is_new) {
    if (Result<InputFile> file = open_below(folder_, name, diags)) {
      known->second = files_.size();
      if (files_.size() >= MaxOpenFiles) file->close();
      files_.push_back(*std::move(file));
    }
  }
  if (!known->second) return diags.failed();
  return *known->second;
}

}  // namespace rulec::ocdbt
