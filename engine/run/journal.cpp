// SPDX-License-Identifier: Apache-2.0
#include "engine/run/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/codec/crc32c.h"
#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::string_view Title = "rulec journal 1";

Finding cannot_write(const std::string& path, int error, Diagnostics& diags) {
  return report(diags, FilePlace{path, {}}, diag::CannotWrite, printable(path), std::generic_category().message(error));
}

std::string line_of(std::size_t unit, const std::string& fingerprint) {
  const std::string text = fmt::format("{} {}", fingerprint, unit);
  return fmt::format("{} {:08x}\n", unit, crc32c(std::as_bytes(std::span(text))));
}

Status write_all(int fd, const std::string& path, std::string_view text, Diagnostics& diags) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return cannot_write(path, put < 0 ? errno : ENOSPC, diags);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fdatasync(fd) != 0) return cannot_write(path, errno, diags);
  return Done{};
}

}  // namespace

Result<Journal> Journal::begin(const std::filesystem::path& path, const std::string& fingerprint, Diagnostics& diags) {
  Journal journal;
  journal.path_ = path.string();
  journal.fingerprint_ = fingerprint;
  journal.descriptor_ =
      Descriptor(::open(journal.path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!journal.descriptor_) return cannot_write(journal.path_, errno, diags);
  const std::string head = fmt::format("{}\n{}\n", Title, fingerprint);
  if (!write_all(journal.descriptor_.get(), journal.path_, head, diags) ||
      !sync_folder(path.has_parent_path() ? path.parent_path() : ".", diags))
    return diags.failed();
  return journal;
}

Result<Journal> Journal::resume(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                                Diagnostics& diags) {
  Journal journal;
  journal.path_ = path.string();
  journal.fingerprint_ = fingerprint;
  journal.finished_.resize(units);
  std::ifstream file(path, std::ios::binary);
  std::string title;
  std::string found;
  if (!file || !std::getline(file, title) || !std::getline(file, found) || title != Title) {
    return report(diags, FilePlace{journal.path_, {}}, diag::CannotRead, printable(journal.path_),
                  "it is no journal of a conversion");
  }
  if (found != fingerprint) return report(diags, FilePlace{journal.path_, {}}, diag::OtherConversion);
  std::string line;
  std::uintmax_t whole = title.size() + found.size() + 2;
  while (std::getline(file, line)) {
    std::size_t unit = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), unit);
    if (error != std::errc() || unit >= units || line + "\n" != line_of(unit, fingerprint) || file.eof()) break;
    journal.finished_[unit] = true;
    whole += line.size() + 1;
  }
  file.close();
  journal.descriptor_ = Descriptor(::open(journal.path_.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  // What was torn goes, so that the next line is one.
  if (!journal.descriptor_ || ::ftruncate(journal.descriptor_.get(), static_cast<off_t>(whole)) != 0)
    return cannot_write(journal.path_, errno, diags);
  return journal;
}

Status Journal::append(std::span<const std::size_t> units, Diagnostics& diags) {
  std::string lines;
  for (const std::size_t unit : units) lines += line_of(unit, fingerprint_);
  return write_all(descriptor_.get(), path_, lines, diags);
}

}  // namespace rulec
