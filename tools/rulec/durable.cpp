// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t BufferBytes = std::size_t{1} << 20;

class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags) {
    do {
      fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    } while (fd_ < 0 && errno == EINTR);
  }
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

  /// Writes it all, or returns an error number.
  int write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return put < 0 ? errno : ENOSPC;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return 0;
  }

 private:
  int fd_ = -1;
};

std::string words(int error) {
  return std::generic_category().message(error);
}

Finding cannot_read(const fs::path& path, std::string_view why, Diagnostics& diags) {
  return report(diags, FilePlace{path.string(), {}}, diag::CannotRead, path.string(), why);
}

}  // namespace

Finding cannot_write(const fs::path& path, std::string_view why, Diagnostics& diags) {
  return report(diags, FilePlace{path.string(), {}}, diag::CannotWrite, path.string(), why);
}

Finding cannot_write(const fs::path& path, int error, Diagnostics& diags) {
  return cannot_write(path, words(error), diags);
}

Status write_durably(const fs::path& path, std::string_view text, Diagnostics& diags) {
  const OpenFile file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (!file) return cannot_write(path, errno, diags);
  if (const int error = file.write(text); error != 0) return cannot_write(path, error, diags);
  if (::fsync(file.get()) != 0) return cannot_write(path, errno, diags);
  return Done{};
}

Status copy_durably(const fs::path& from, const fs::path& to, Diagnostics& diags) {
  // O_NONBLOCK: what was a file a moment ago may be a pipe by now.
  const OpenFile source(from, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!source) return cannot_read(from, words(errno), diags);
  struct stat status = {};
  if (::fstat(source.get(), &status) != 0) return cannot_read(from, words(errno), diags);
  if (!S_ISREG(status.st_mode)) return cannot_read(from, "it is no regular file", diags);
  const OpenFile target(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (!target) return cannot_write(to, errno, diags);
  std::vector<char> buffer(BufferBytes);
  while (true) {
    const ssize_t got = ::read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(from, words(errno), diags);
    if (got == 0) break;
    const int error = target.write({buffer.data(), static_cast<std::size_t>(got)});
    if (error != 0) return cannot_write(to, error, diags);
  }
  if (::fsync(target.get()) != 0) return cannot_write(to, errno, diags);
  return Done{};
}

Status sync_folder(const fs::path& folder, Diagnostics& diags) {
  const OpenFile opened(folder, O_RDONLY | O_DIRECTORY);
  if (!opened) return cannot_write(folder, errno, diags);
  // Some file systems cannot sync a folder.
  if (::fsync(opened.get()) != 0 && errno != EINVAL) return cannot_write(folder, errno, diags);
  return Done{};
}

}  // namespace rulec::cli
