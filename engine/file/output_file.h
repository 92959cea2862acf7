// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/file/input_file.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// A new file of a size that is known before its first byte.
class OutputFile {
 public:
  /// Makes the file `path`, which must not exist, with room for all its `bytes`: a full disk is met here and not in the
  /// middle of the work. Nothing is left behind if that fails. Errors: R0809.
  static Result<OutputFile> create(const std::filesystem::path& path, std::uint64_t bytes, Diagnostics& diags);

  /// A file that `create` made with so many `bytes`, to write to again. A loss of power may have made it shorter; it
  /// gets all its room again. Errors: R0809.
  static Result<OutputFile> reopen(const std::filesystem::path& path, std::uint64_t bytes, Diagnostics& diags);

  /// A file to write to that has whatever it has, or is made with nothing in it, and has room for as much as the disk
  /// has. `cut` says in the end how much of it counts. Errors: R0809.
  static Result<OutputFile> open_to_grow(const std::filesystem::path& path, Diagnostics& diags);

  const std::string& path() const { return path_; }
  /// For how much there is room.
  std::uint64_t bytes() const { return bytes_; }

  /// Puts `bytes` at `offset` (in bytes), within the size of the file. Much goes straight to the disk, if `bytes` are
  /// as far behind a block boundary as `offset` is. May be called from several threads at once. Errors: R0809.
  Status write(std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags);

  /// Makes a range, from `offset` on, the same as `bytes` of another file from `from_offset` on, which lies as far
  /// behind a block boundary: whole blocks are shared with it, what is less at the ends is copied. Returns how many
  /// bytes are shared; 0 where the file systems cannot, or there is no whole block: nothing was written then. Errors:
  /// R0809, and those of `from`.
  Result<std::uint64_t> reflink(std::uint64_t offset, const InputFile& from, std::uint64_t from_offset,
                                std::uint64_t bytes, Diagnostics& diags);

  /// Gives back what lies behind the first `bytes`, at most its size: for files that were made with more room than they
  /// turned out to need. Errors: R0809.
  Status cut(std::uint64_t bytes, Diagnostics& diags);

  /// Returns when the disk has it all. Once it has failed, what is on the disk is unknown: the file is lost. Errors:
  /// R0809.
  Status sync(Diagnostics& diags);

  /// Returns when the disk has what was written so far; as for `sync`, but the file stays open.
  Status flush(Diagnostics& diags);

  /// Gives the descriptor back; the other members open the file anew from then on. For sinks of more files than a
  /// process may open.
  void close() {
    descriptor_.reset();
    direct_.reset();
  }

 private:
  Status write_cached(int fd, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags);
  Result<Descriptor> reopened(Diagnostics& diags) const;
  Result<int> usable(Descriptor& again, Diagnostics& diags) const;
  Status open_again(Diagnostics& diags);

  std::string path_;
  std::uint64_t bytes_ = 0;
  Descriptor descriptor_;
  Descriptor direct_;  // none: the file is small, or its file system cannot
};

/// Makes the file `path`, which must not exist, of these bytes, one or more, and returns when the disk has them. What
/// is there of it if that fails is left to the caller. Errors: R0809.
Status write_file(const std::filesystem::path& path, std::span<const std::byte> bytes, Diagnostics& diags);

/// The same where something may be: a file is replaced, a device or a pipe is written to. Errors: R0809.
Status write_over(const std::filesystem::path& path, std::span<const std::byte> bytes, Diagnostics& diags);

/// Makes a folder, which must not exist, in one that does. Errors: R0809.
Status make_folder(const std::filesystem::path& path, Diagnostics& diags);

/// Returns when the disk has the names of `folder`. Errors: R0809.
Status sync_folder(const std::filesystem::path& folder, Diagnostics& diags);

}  // namespace rulec
