// SPDX-License-Identifier: Apache-2.0
#include "engine/run/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/codec/crc32c.h"
#include "engine/codec/xxh3.h"
#include "engine/file/output_file.h"
#include "engine/file/printable.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::string_view Kind = "rulec journal ";
constexpr std::string_view Title = "rulec journal 2";

Finding cannot_write(const std::string& path, int error, Diagnostics& diags) {
  return report(diags, FilePlace{path, {}}, diag::CannotWrite, printable(path), std::generic_category().message(error));
}

/// The line and its checksum.
std::string sealed(const std::string& line, const std::string& fingerprint) {
  const std::string all = fingerprint + " " + line;
  return fmt::format("{} {:08x}\n", line, crc32c(std::as_bytes(std::span(all))));
}

std::string line_of(std::size_t unit, std::span<const WrittenExtent> extents, const std::string& fingerprint) {
  std::string line = fmt::format("{}", unit);
  for (const WrittenExtent& extent : extents) {
    line += fmt::format(" {}:{}+{}={}", extent.block, extent.segment.offset, extent.segment.bytes, extent.checksum);
    if (const auto& stored = extent.stored)
      line += fmt::format("@{}:{}+{}", stored->at.file, stored->at.offset, stored->bytes);
  }
  return sealed(line, fingerprint);
}

/// What is left of a line.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  template <class Number>
  bool number(Number& into) {
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), into);
    if (error != std::errc()) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }

  bool is(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string digits() {
    const std::string_view found = text_.substr(0, text_.find_first_not_of("0123456789abcdef"));
    text_.remove_prefix(found.size());
    return std::string(found);
  }

 private:
  std::string_view text_;
};

std::optional<WrittenExtent> read_extent(Words& words) {
  WrittenExtent extent;
  Segment& segment = extent.segment;
  if (!words.number(extent.block) || !words.is(':') || !words.number(segment.offset) || !words.is('+') ||
      !words.number(segment.bytes) || !words.is('='))
    return std::nullopt;
  extent.checksum = words.digits();
  if (!words.is('@')) return extent;
  StoredChunk& stored = extent.stored.emplace();
  stored.checksum = extent.checksum;
  if (!words.number(stored.at.file) || !words.is(':') || !words.number(stored.at.offset) || !words.is('+') ||
      !words.number(stored.bytes))
    return std::nullopt;
  return extent;
}

struct Line {
  std::size_t unit = 0;
  std::vector<WrittenExtent> extents;
};

/// Nothing if it is not what `line_of` makes.
std::optional<Line> read_line(const std::string& text, const std::string& fingerprint) {
  Line line;
  Words words(text);
  if (!words.number(line.unit)) return std::nullopt;
  while (words.is(' ')) {
    std::optional<WrittenExtent> extent = read_extent(words);
    if (!extent) break;  // the checksum of the line
    line.extents.push_back(*std::move(extent));
  }
  if (text + "\n" != line_of(line.unit, line.extents, fingerprint)) return std::nullopt;
  return line;
}

Status write_all(int fd, const std::string& path, std::string_view text, Diagnostics& diags) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return cannot_write(path, put < 0 ? errno : ENOSPC, diags);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return Done{};
}

}  // namespace

Result<Journal> Journal::begin(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                               ResumableSink& sink, Diagnostics& diags) {
  Journal journal(path, fingerprint, units, sink);
  journal.descriptor_ =
      Descriptor(::open(journal.path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!journal.descriptor_) return cannot_write(journal.path_, errno, diags);
  const std::string head = fmt::format("{}\n{}\n", Title, fingerprint);
  if (!write_all(journal.descriptor_.get(), journal.path_, head, diags) || !journal.sync_lines(diags) ||
      !sync_folder(path.has_parent_path() ? path.parent_path() : ".", diags))
    return diags.failed();
  return journal;
}

Result<Journal> Journal::resume(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                                ResumableSink& sink, Diagnostics& diags) {
  Journal journal(path, fingerprint, units, sink);
  const Result<std::uintmax_t> whole = journal.read(diags);
  if (!whole) return diags.failed();
  journal.descriptor_ = Descriptor(::open(journal.path_.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  // What was torn goes, so that the next line is one.
  if (!journal.descriptor_ || ::ftruncate(journal.descriptor_.get(), static_cast<off_t>(*whole)) != 0)
    return cannot_write(journal.path_, errno, diags);
  return journal;
}

Result<Journal> Journal::read(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                              ResumableSink& sink, Diagnostics& diags) {
  Journal journal(path, fingerprint, units, sink);
  if (!journal.read(diags)) return diags.failed();
  return journal;
}

/// Returns how many bytes of it are whole lines.
Result<std::uintmax_t> Journal::read(Diagnostics& diags) {
  std::ifstream file(path_, std::ios::binary);
  std::string title;
  std::string found;
  if (!file || !std::getline(file, title) || !title.starts_with(Kind)) {
    return report(diags, FilePlace{path_, {}}, diag::CannotRead, printable(path_), "it is no journal of a conversion");
  }
  if (title != Title || !std::getline(file, found) || file.eof() || found != fingerprint_)
    return report(diags, FilePlace{path_, {}}, diag::OtherConversion)
        .help(
            "repeat the command that it was begun with, all options as they were, or remove the folder to begin anew");
  std::string text;
  std::uintmax_t whole = title.size() + found.size() + 2;
  while (std::getline(file, text) && !file.eof()) {
    if (text + "\n" == sealed("end", fingerprint_)) {
      has_ended_ = true;
      break;  // a run that goes on writes it again
    }
    std::optional<Line> line = read_line(text, fingerprint_);
    if (!line || line->unit >= finished_.size()) break;
    finished_[line->unit] = true;
    extents_[line->unit] = std::move(line->extents);
    whole += text.size() + 1;
  }
  return whole;
}

void Journal::wrote(std::size_t unit, std::size_t number, const Block& block, const Segment& segment,
                    std::span<const std::byte> bytes) {
  std::optional<WrittenExtent> extent;
  if (std::optional<StoredChunk> stored = sink_->stored(block.tensor, block.chunk)) {
    const std::string checksum = stored->checksum;
    extent = {number, segment, checksum, std::move(stored)};
  } else if (sink_->place(block.tensor, block.chunk)) {
    Xxh3 hash;
    hash.add(bytes.subspan(segment.offset, segment.bytes));
    extent = {number, segment, hash.digits(), {}};
  }
  const std::lock_guard lock(*mutex_);
  Unnoted& unnoted = unnoted_[unit];
  if (extent) {
    unnoted.extents.push_back(*std::move(extent));
  } else {
    unnoted.is_in_memory = true;
  }
}

Status Journal::note(std::span<const std::size_t> units, Diagnostics& diags) {
  std::string lines;
  for (const std::size_t unit : units) {
    const std::lock_guard lock(*mutex_);
    const auto written = unnoted_.extract(unit);
    RULEC_ASSERT(!written.empty());
    if (!written.mapped().is_in_memory) lines += line_of(unit, written.mapped().extents, fingerprint_);
  }
  return write_all(descriptor_.get(), path_, lines, diags);
}

Status Journal::sync(Diagnostics& diags) {
  if (!sink_->flush(diags)) return diags.failed();
  return sync_lines(diags);
}

Status Journal::sync_lines(Diagnostics& diags) {
  if (::fdatasync(descriptor_.get()) != 0) return cannot_write(path_, errno, diags);
  return Done{};
}

Status Journal::end(Diagnostics& diags) {
  has_ended_ = true;
  if (!write_all(descriptor_.get(), path_, sealed("end", fingerprint_), diags)) return diags.failed();
  return sync(diags);
}

}  // namespace rulec
