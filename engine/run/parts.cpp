// SPDX-License-Identifier: Apache-2.0
#include "engine/run/parts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "engine/file/printable.h"
#include "grammar/messages.h"

namespace rulec {

std::filesystem::path journal_of(const std::filesystem::path& journal, const Part& part) {
  return journal.string() + fmt::format(".{}-of-{}", part.number, part.of);
}

Result<PartsLock> PartsLock::take(const std::filesystem::path& path, Diagnostics& diags) {
  const std::string name = path.string() + ".lock";
  Descriptor descriptor(::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!descriptor) {
    return report(diags, FilePlace{name, {}}, diag::CannotWrite, printable(name),
                  std::generic_category().message(errno));
  }
  while (::flock(descriptor.get(), LOCK_EX) != 0 && errno == EINTR) continue;
  return PartsLock(std::move(descriptor));
}

namespace {

/// A journal of this conversion in another number of parts.
std::optional<std::filesystem::path> other_split(const std::filesystem::path& path, const Part& part) {
  const std::string begin = path.filename().string() + ".";
  const std::string end = fmt::format("-of-{}", part.of);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.find("-of-") != name.npos && !name.ends_with(end)) return entry.path();
  }
  return std::nullopt;
}

}  // namespace

Result<OtherParts> other_parts(const std::filesystem::path& path, const Part& part, const std::string& fingerprint,
                               std::size_t units, ResumableSink& sink, Diagnostics& diags) {
  if (const auto other = other_split(path, part)) {
    return report(diags, FilePlace{other->string(), {}}, diag::OtherConversion)
        .note(fmt::format("it is a journal of another number of parts than {}", part.of))
        .help("go on in as many parts as it was begun in, or remove the folder to begin anew");
  }
  OtherParts others;
  for (Part other{1, part.of}; other.number <= other.of; ++other.number) {
    if (other.number == part.number) continue;
    std::error_code ignored;
    if (!std::filesystem::exists(journal_of(path, other), ignored)) {
      others.open.push_back(other.number);
      continue;
    }
    Result<Journal> journal = Journal::read(journal_of(path, other), fingerprint, units, sink, diags);
    if (!journal) return diags.failed();
    if (!journal->has_ended()) others.open.push_back(other.number);
    others.journals.push_back(*std::move(journal));
  }
  return others;
}

}  // namespace rulec
