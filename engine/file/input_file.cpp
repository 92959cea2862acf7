// SPDX-License-Identifier: Apache-2.0
#include "engine/file/input_file.h"

#include <fcntl.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/file/printable.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "is a folder";
  if (S_ISFIFO(mode)) return "is a pipe";
  if (S_ISSOCK(mode)) return "is a socket";
  return "is a device";
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

Finding cannot_read(const std::string& path, std::string_view why, Diagnostics& diags) {
  return report(diags, FilePlace{path, {}}, diag::CannotRead, printable(path), why);
}

FileIdentity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec};
}

struct OpenedFile {
  Descriptor descriptor;
  FileIdentity identity;
};

Result<OpenedFile> open_regular(const std::string& path, Diagnostics& diags) {
  Descriptor descriptor;
  do {
    // O_NONBLOCK: opening a pipe must not wait for whoever writes to it.
    descriptor = Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  } while (!descriptor && errno == EINTR);
  if (!descriptor) {
    // What opening a socket gives.
    if (errno == ENXIO) {
      return report(diags, FilePlace{path, {}}, diag::UnsafePath, printable(path), "is no regular file");
    }
    return cannot_read(path, reason(errno), diags);
  }
  struct stat status = {};
  if (::fstat(descriptor.get(), &status) != 0) return cannot_read(path, reason(errno), diags);
  if (!S_ISREG(status.st_mode)) {
    return report(diags, FilePlace{path, {}}, diag::UnsafePath, printable(path),
                  fmt::format("{}, not a regular file", kind_of(status.st_mode)));
  }
  return OpenedFile{std::move(descriptor), identity_of(status)};
}

}  // namespace

std::string to_string(const FileIdentity& identity) {
  return fmt::format("{} {} {} {}", identity.inode, identity.size, identity.modified_seconds,
                     identity.modified_nanoseconds);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() {
  return std::exchange(fd_, -1);
}

void Descriptor::reset() {
  if (fd_ >= 0) ::close(release());
}

Result<InputFile> InputFile::open(const std::filesystem::path& path, Diagnostics& diags) {
  InputFile file;
  file.path_ = path.string();
  Result<OpenedFile> opened = open_regular(file.path_, diags);
  if (!opened) return diags.failed();
  file.descriptor_ = std::move(opened->descriptor);
  if (opened->identity.size >= MinDirectBytes)
    file.direct_ = Descriptor(open_direct(file.path_, file.descriptor_.get(), O_RDONLY | O_NONBLOCK));
  file.identity_ = opened->identity;
  return file;
}

Status InputFile::read(std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags, Room room) const {
  RULEC_ASSERT(offset <= size() && into.size() <= size() - offset);
  if (descriptor_) return read_from({descriptor_.get(), direct_.get()}, offset, into, room, diags);
  const Result<OpenedFile> opened = open_regular(path_, diags);
  if (!opened) return diags.failed();
  return read_from({opened->descriptor.get(), -1}, offset, into, room, diags);
}

Status InputFile::read_from(Descriptors fds, std::uint64_t offset, std::span<std::byte> into, Room room,
                            Diagnostics& diags) const {
  const bool is_direct = fds.direct >= 0 && into.size() >= MinDirectBytes && is_congruent(into.data(), offset) &&
                         !is_cached(fds.cached, offset, into.size());
  if (!is_direct) return read_cached(fds.cached, offset, into, diags);
  // Whole blocks: as many as there is room for, else as many as fit.
  const std::size_t before = offset % DirectBlock;
  const std::size_t behind = (DirectBlock - (offset + into.size()) % DirectBlock) % DirectBlock;
  const std::size_t head = before <= room.before ? 0 : (DirectBlock - before) % DirectBlock;
  const std::size_t tail = behind <= room.behind ? 0 : DirectBlock - behind;
  const std::size_t lead = head == 0 ? before : 0;
  std::byte* const blocks = into.data() + head - lead;
  const std::size_t bytes = into.size() - head - tail + lead + (tail == 0 ? behind : 0);
  std::size_t got = 0;
  while (got < bytes) {
    const std::uint64_t at = offset + head - lead + got;
    const ssize_t more = ::pread(fds.direct, blocks + got, bytes - got, static_cast<off_t>(at));
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) break;  // an error that is not that of direct transfers alone, the other way meets too
    got += static_cast<std::size_t>(more);
    if (got % DirectBlock != 0) break;  // the end of the file
  }
  const std::size_t done = std::min(head + got - std::min(got, lead), into.size() - tail);
  if (head > 0 && !read_cached(fds.cached, offset, into.first(head), diags)) return diags.failed();
  return read_cached(fds.cached, offset + done, into.subspan(done), diags);
}

Status InputFile::read_cached(int fd, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const {
  while (!into.empty()) {
    const ssize_t got = ::pread(fd, into.data(), std::min(into.size(), BytesPerCall), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return report(diags, FilePlace{path_, offset}, diag::CannotRead, printable(path_), reason(errno));
    if (got == 0) break;
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  // Looked at after the bytes were taken, so that they are those of the file as it was opened.
  if (!check_unchanged(fd, diags)) return diags.failed();
  if (!into.empty()) {
    return report(diags, FilePlace{path_, offset}, diag::CannotRead, printable(path_), "it ended before its size");
  }
  return Done{};
}

Status InputFile::renew(Diagnostics& diags) {
  struct stat status = {};
  if (::fstat(descriptor_.get(), &status) != 0) return cannot_read(path_, reason(errno), diags);
  identity_ = identity_of(status);
  return Done{};
}

Result<bool> InputFile::reflink(std::uint64_t offset, std::uint64_t bytes, int target, std::uint64_t target_offset,
                                Diagnostics& diags) const {
  RULEC_ASSERT(offset <= size() && bytes <= size() - offset);
#ifdef FICLONERANGE
  std::optional<OpenedFile> again;
  if (!descriptor_) {
    Result<OpenedFile> opened = open_regular(path_, diags);
    if (!opened) return diags.failed();
    again = *std::move(opened);
  }
  const int fd = again ? again->descriptor.get() : descriptor_.get();
  const file_clone_range range{fd, offset, bytes, target_offset};
  if (::ioctl(target, FICLONERANGE, &range) != 0) return false;
  if (!check_unchanged(fd, diags)) return diags.failed();
  return true;
#else
  return false;
#endif
}

Status InputFile::check_unchanged(int fd, Diagnostics& diags) const {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return cannot_read(path_, reason(errno), diags);
  const FileIdentity now = identity_of(status);
  if (now == identity_) return Done{};
  Finding finding = report(diags, FilePlace{path_, {}}, diag::SourceChanged, printable(path_));
  if (now.size != identity_.size) {
    finding.note(fmt::format("it had {} bytes when it was opened, and has {} now", identity_.size, now.size));
  }
  return finding.help("convert again when nothing writes to the checkpoint any more");
}

}  // namespace rulec
