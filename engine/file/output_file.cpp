// SPDX-License-Identifier: Apache-2.0
#include "engine/file/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include "engine/file/printable.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

Descriptor opened(const std::string& path, int flags) {
  while (true) {
    Descriptor descriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666));
    if (descriptor || errno != EINTR) return descriptor;
  }
}

Finding cannot_write(const std::string& path, int error, Diagnostics& diags) {
  Finding finding =
      report(diags, FilePlace{path, {}}, diag::CannotWrite, printable(path), std::generic_category().message(error));
  if (error == EEXIST) finding.help("write into an empty folder");
  return finding;
}

// How many bytes a user may still write to where `path` lies.
std::uint64_t free_bytes(const std::string& path) {
  struct statvfs status = {};
  if (::statvfs(std::filesystem::path(path).parent_path().c_str(), &status) != 0) return 0;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

// 0, or an error number. glibc's posix_fallocate would write to each block where the file system cannot do it.
int make_room(int fd, std::uint64_t bytes) {
  int result = 0;
#ifdef __linux__
  do {
    result = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result == 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return result == 0 ? 0 : errno;
#endif
  do {
    result = ::ftruncate(fd, static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, std::uint64_t bytes, Diagnostics& diags) {
  RULEC_ASSERT(bytes > 0);
  OutputFile file;
  file.path_ = path.string();
  file.bytes_ = bytes;
  file.descriptor_ = opened(file.path_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (!file.descriptor_) return cannot_write(file.path_, errno, diags);
  if (const int error = make_room(file.descriptor_.get(), bytes); error != 0) {
    ::unlink(file.path_.c_str());
    file.close();
    Finding finding = cannot_write(file.path_, error, diags);
    if (error == ENOSPC)
      finding.note(fmt::format("it needs {} bytes, {} are free there", bytes, free_bytes(file.path_)));
    return finding;
  }
  if (bytes >= MinDirectBytes)
    file.direct_ = Descriptor(open_direct(file.path_, file.descriptor_.get(), O_WRONLY | O_NOFOLLOW));
  return file;
}

Result<OutputFile> OutputFile::reopen(const std::filesystem::path& path, std::uint64_t bytes, Diagnostics& diags) {
  OutputFile file;
  file.path_ = path.string();
  file.bytes_ = bytes;
  if (!file.open_again(diags)) return diags.failed();
  struct stat status = {};
  if (::fstat(file.descriptor_.get(), &status) != 0) return cannot_write(file.path_, errno, diags);
  if (static_cast<std::uint64_t>(status.st_size) > bytes) {
    return report(diags, FilePlace{file.path_, {}}, diag::CannotWrite, printable(file.path_),
                  fmt::format("it has {} bytes, expected the {} that it was made with", status.st_size, bytes));
  }
  if (const int error = make_room(file.descriptor_.get(), bytes); error != 0)
    return cannot_write(file.path_, error, diags);
  if (bytes >= MinDirectBytes)
    file.direct_ = Descriptor(open_direct(file.path_, file.descriptor_.get(), O_WRONLY | O_NOFOLLOW));
  return file;
}

Result<OutputFile> OutputFile::open_to_grow(const std::filesystem::path& path, Diagnostics& diags) {
  OutputFile file;
  file.path_ = path.string();
  file.bytes_ = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  file.descriptor_ = opened(file.path_, O_WRONLY | O_CREAT | O_NOFOLLOW);
  if (!file.descriptor_) return cannot_write(file.path_, errno, diags);
  file.direct_ = Descriptor(open_direct(file.path_, file.descriptor_.get(), O_WRONLY | O_NOFOLLOW));
  return file;
}

Result<Descriptor> OutputFile::reopened(Diagnostics& diags) const {
  Descriptor descriptor = opened(path_, O_WRONLY | O_NOFOLLOW);
  if (!descriptor) return cannot_write(path_, errno, diags);
  return descriptor;
}

/// The file's descriptor; if it was given back, that of `again`, which is opened for the call.
Result<int> OutputFile::usable(Descriptor& again, Diagnostics& diags) const {
  if (descriptor_) return descriptor_.get();
  Result<Descriptor> result = reopened(diags);
  if (!result) return diags.failed();
  again = *std::move(result);
  return again.get();
}

Status OutputFile::write(std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) {
  RULEC_ASSERT(offset <= bytes_ && bytes.size() <= bytes_ - offset);
  Descriptor again;
  const Result<int> fd = usable(again, diags);
  if (!fd) return diags.failed();
  if (!direct_ || bytes.size() < MinDirectBytes || !is_congruent(bytes.data(), offset))
    return write_cached(*fd, offset, bytes, diags);
  // The blocks at the ends may have bytes of others: they meet in the page cache, which has no page of the others.
  const std::size_t head = (DirectBlock - offset % DirectBlock) % DirectBlock;
  const std::size_t tail = (offset + bytes.size()) % DirectBlock;
  const std::size_t end = bytes.size() - tail;
  std::size_t done = head;
  while (done < end) {
    const ssize_t put = ::pwrite(direct_.get(), bytes.data() + done, end - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) break;  // an error that is not that of direct transfers alone, the other way meets too
    done += static_cast<std::size_t>(put);
    if (done % DirectBlock != head) break;
  }
  if (!write_cached(*fd, offset, bytes.first(head), diags)) return diags.failed();
  return write_cached(*fd, offset + done, bytes.subspan(done), diags);
}

Status OutputFile::write_cached(int fd, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) {
  const std::uint64_t begin = offset;
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), std::min(bytes.size(), BytesPerCall), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return cannot_write(path_, put < 0 ? errno : ENOSPC, diags);
    offset += static_cast<std::uint64_t>(put);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
#ifdef __linux__
  // The disk begins at once, not when memory is full of what it has to write. A hint: `sync` is what counts.
  if (offset - begin >= MinDirectBytes) {
    ::sync_file_range(fd, static_cast<off_t>(begin), static_cast<off_t>(offset - begin), SYNC_FILE_RANGE_WRITE);
  }
#endif
  return Done{};
}

Result<std::uint64_t> OutputFile::reflink(std::uint64_t offset, const InputFile& from, std::uint64_t from_offset,
                                          std::uint64_t bytes, Diagnostics& diags) {
  RULEC_ASSERT(offset <= bytes_ && bytes <= bytes_ - offset && offset % DirectBlock == from_offset % DirectBlock);
  const std::uint64_t head = next_block(offset) - offset;
  if (bytes < head + DirectBlock) return 0;
  const std::uint64_t shared = (bytes - head) / DirectBlock * DirectBlock;
  Descriptor again;
  const Result<int> fd = usable(again, diags);
  if (!fd) return diags.failed();
  const Result<bool> done = from.reflink(from_offset + head, shared, *fd, offset + head, diags);
  if (!done) return diags.failed();
  if (!*done) return 0;
  std::array<std::byte, DirectBlock> block;
  for (const auto& [begin, end] : {std::pair(std::uint64_t{0}, head), std::pair(head + shared, bytes)}) {
    const std::span<std::byte> part = std::span(block).first(end - begin);
    if (!from.read(from_offset + begin, part, diags) || !write_cached(*fd, offset + begin, part, diags))
      return diags.failed();
  }
  return shared;
}

Status OutputFile::open_again(Diagnostics& diags) {
  if (descriptor_) return Done{};
  Result<Descriptor> result = reopened(diags);
  if (!result) return diags.failed();
  descriptor_ = *std::move(result);
  return Done{};
}

Status OutputFile::cut(std::uint64_t bytes, Diagnostics& diags) {
  RULEC_ASSERT(bytes <= bytes_);
  direct_.reset();
  if (!open_again(diags)) return diags.failed();
  int result = 0;
  do {
    result = ::ftruncate(descriptor_.get(), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return cannot_write(path_, errno, diags);
  bytes_ = bytes;
  return Done{};
}

Status OutputFile::sync(Diagnostics& diags) {
  direct_.reset();
  if (!open_again(diags)) return diags.failed();
  // Never tried again after EIO: the kernel has dropped the pages that it could not write.
  if (::fsync(descriptor_.get()) != 0) return cannot_write(path_, errno, diags);
  if (::close(descriptor_.release()) != 0 && errno != EINTR) return cannot_write(path_, errno, diags);
  return Done{};
}

Status OutputFile::flush(Diagnostics& diags) {
  Descriptor again;
  const Result<int> fd = usable(again, diags);
  if (!fd) return diags.failed();
  if (::fdatasync(*fd) != 0) return cannot_write(path_, errno, diags);
  return Done{};
}

Status write_file(const std::filesystem::path& path, std::span<const std::byte> bytes, Diagnostics& diags) {
  Result<OutputFile> file = OutputFile::create(path, bytes.size(), diags);
  if (file && file->write(0, bytes, diags) && file->sync(diags)) return Done{};
  return diags.failed();
}

Status write_over(const std::filesystem::path& path, std::span<const std::byte> bytes, Diagnostics& diags) {
  std::error_code ignored;
  const std::filesystem::file_status there = std::filesystem::status(path, ignored);
  if (std::filesystem::is_regular_file(there)) std::filesystem::remove(path, ignored);
  if (!std::filesystem::exists(there) || std::filesystem::is_regular_file(there)) return write_file(path, bytes, diags);
  const Descriptor descriptor = opened(path.string(), O_WRONLY | O_NOCTTY);
  if (!descriptor) return cannot_write(path.string(), errno, diags);
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor.get(), bytes.data(), std::min(bytes.size(), BytesPerCall));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return cannot_write(path.string(), put < 0 ? errno : ENOSPC, diags);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return Done{};
}

Status make_folder(const std::filesystem::path& path, Diagnostics& diags) {
  if (::mkdir(path.c_str(), 0777) == 0) return Done{};
  return cannot_write(path.string(), errno, diags);
}

Status sync_folder(const std::filesystem::path& folder, Diagnostics& diags) {
  const Descriptor descriptor = opened(folder.string(), O_RDONLY | O_DIRECTORY);
  if (!descriptor) return cannot_write(folder.string(), errno, diags);
  // Some file systems cannot sync a folder.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) return cannot_write(folder.string(), errno, diags);
  return Done{};
}

}  // namespace rulec
