// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/json_file.h"

#include <fmt/core.h>

#include <span>

#include "engine/file/input_file.h"
#include "engine/file/lfs_pointer.h"
#include "engine/file/links.h"
#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec::orbax {

Finding bad_orbax(const std::string& path, std::optional<std::uint64_t> offset, std::string_view what,
                  Diagnostics& diags) {
  return report(diags, FilePlace{path, offset}, diag::BadOrbax, printable(path), what);
}

Finding report_json_error(const std::string& path, const JsonError& error, Diagnostics& diags) {
  if (!error.is_too_deep) return bad_orbax(path, error.offset, error.text, diags);
  return report(diags, FilePlace{path, error.offset}, diag::OverLimit,
                fmt::format("`{}` has {}", printable(path), error.text), fmt::format("{}", MaxJsonDepth));
}

Result<std::string> read_small_file(const std::filesystem::path& folder, const std::filesystem::path& path,
                                    std::uint64_t max_bytes, Diagnostics& diags) {
  if (!check_link(folder, path, diags)) return diags.failed();
  const Result<InputFile> file = InputFile::open(path, diags);
  if (!file) return diags.failed();
  if (file->size() > max_bytes) {
    return report(diags, FilePlace{path.string(), {}}, diag::OverLimit,
                  fmt::format("`{}` has {} bytes", printable(path.string()), file->size()),
                  fmt::format("{}", max_bytes));
  }
  std::string text(static_cast<std::size_t>(file->size()), '\0');
  if (!file->read(0, std::as_writable_bytes(std::span(text)), diags)) return diags.failed();
  if (!is_lfs_pointer(text)) return text;
  return report(diags, FilePlace{path.string(), {}}, diag::LfsPointer, printable(path.string()))
      .help("fetch the file itself: `git lfs pull`");
}

std::string_view json_value_at(std::string_view text, std::size_t offset) {
  std::size_t depth = 0;
  bool is_string = false;
  for (std::size_t at = offset; at < text.size(); ++at) {
    const char c = text[at];
    if (is_string) {
      if (c == '\\') ++at;
      is_string = c != '"';
    } else if (c == '"') {
      is_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']' || c == ',') {
      // What stands behind a value ends it, and so does the bracket of its own.
      if (depth == 0) return text.substr(offset, at - offset);
      if (c != ',' && --depth == 0) return text.substr(offset, at + 1 - offset);
    }
  }
  return text.substr(offset);
}

}  // namespace rulec::orbax
