// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/file/direct.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// What one call of the system is asked to move; Linux moves 0x7ffff000 bytes at most.
constexpr std::size_t BytesPerCall = std::size_t{1} << 30;

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_;
};

/// Which file it is, and in which of its states.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_seconds = 0;
  std::int64_t modified_nanoseconds = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// All of it but the device in a line: that is another one on each machine that mounts a file system.
std::string to_string(const FileIdentity& identity);

/// How many files a store or sink keeps open, each with two descriptors: a process may open 1024 by default, and the
/// caller needs some too.
constexpr std::size_t MaxOpenFiles = 128;

/// A regular file to read by position, which must stay what it was when it was opened. It is never mapped: a file that
/// shrinks under a mapping kills the process.
///
/// `read` may be called from several threads at once.
class InputFile {
 public:
  /// Opens `path` and remembers which file it is. Symbolic links are followed; what is no regular file is refused
  /// without waiting for a writer at its other end. Errors: R0801, R0806.
  static Result<InputFile> open(const std::filesystem::path& path, Diagnostics& diags);

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return identity_.size; }
  const FileIdentity& identity() const { return identity_; }

  /// Fills `into` from `offset` on (in bytes); the range lies within the file. Much that is not in memory already comes
  /// straight from the disk, if `into` is as far behind a block boundary as `offset` is; the rooms of a block beside it
  /// then save reads of their own for its ends.
  ///
  /// Errors: R0801, and R0817 if the file has been written to, cut or replaced since it was opened.
  Status read(std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags, Room room = {}) const;

  /// Has `bytes` of another file, from `target_offset` on, share the disk's blocks of this one from `offset` on; all
  /// three are multiples of `DirectBlock`. `target` is open for writing. False where the file systems cannot: nothing
  /// has changed then. Errors: as for `read`.
  Result<bool> reflink(std::uint64_t offset, std::uint64_t bytes, int target, std::uint64_t target_offset,
                       Diagnostics& diags) const;

  /// Takes the state that the file is in now for the one that it must stay in: for one that was written to since.
  /// Errors: R0801.
  Status renew(Diagnostics& diags);

  /// Gives the descriptors back; `read` opens the file anew from then on. For stores of more files than a process may
  /// open.
  void close() {
    descriptor_.reset();
    direct_.reset();
  }

 private:
  struct Descriptors {
    int cached = -1;
    int direct = -1;
  };
  Status read_from(Descriptors fds, std::uint64_t offset, std::span<std::byte> into, Room room,
                   Diagnostics& diags) const;
  Status read_cached(int fd, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const;
  Status check_unchanged(int fd, Diagnostics& diags) const;

  std::string path_;
  Descriptor descriptor_;
  Descriptor direct_;  // none: the file is small, or its file system cannot
  FileIdentity identity_;
};

}  // namespace rulec
