// SPDX-License-Identifier: Apache-2.0
// What sinks of files offer a runner that may be killed: what they have written can be found again, and gone on with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "engine/store/chunked.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/store.h>

namespace rulec {

/// Where a chunk that is not raw was put, whose place nobody knew before.
struct StoredChunk {
  StoredAt at;
  std::uint64_t bytes = 0;
  std::string checksum;  ///< of those bytes: `Xxh3::digits`
};

/// A sink of chunks in files. Members may be called from several threads at once, but for those of a beginning.
class ResumableSink : public ChunkedSink {
 public:
  /// What tells its files from those that it would make of the same tensors with other options.
  virtual std::string form() const = 0;

  /// Of each tensor, where in the files of a source the same bytes lie, if they do. For those who can put tensors where
  /// `reflink` works. Before `lay_out`, if at all.
  virtual void come_from(std::span<const std::optional<StoredAt>> /*origins*/) {}

  /// Makes a whole raw tensor the same as bytes of another file, as `OutputFile::reflink` does. Returns how many bytes
  /// are shared; 0: nothing was written. Errors: R0809, and those of the file.
  virtual Result<std::uint64_t> reflink(std::size_t /*tensor*/, const InputFile& /*from*/, std::uint64_t /*offset*/,
                                        Diagnostics& /*diags*/) {
    return 0;
  }

  /// Where what belongs to the target may lie for a while, between `begin` and `commit`.
  virtual std::filesystem::path folder() const = 0;

  /// Where the file is that `place` or `stored` names by this number, between `begin` and `commit`.
  virtual std::filesystem::path file_path(std::size_t file) const = 0;

  /// Where a chunk is that is not raw and was written; nothing: in memory, until the commit.
  virtual std::optional<StoredChunk> stored(std::size_t tensor, const Shape& chunk) const = 0;

  /// Returns when the disk has all that was written to files so far. Errors: R0809.
  virtual Status flush(Diagnostics& diags) = 0;

  /// From now on, what was begun and is not committed stays where it is, for `begin_again`.
  virtual void keep() = 0;

  // Where a run with the same tensors and options was killed, these come in the place of `begin`.

  /// Opens the files that are there, with what was written to them, and keeps them as `keep` does. Errors: those of
  /// `begin`, R0809 if a file is not what it should be; all stays as it is then.
  virtual Status begin_again(std::span<const TensorInfo> tensors, Diagnostics& diags) = 0;

  /// Says that these bytes of a raw chunk were written before.
  virtual void note_written(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::uint64_t bytes) = 0;

  /// The same of a chunk that is not raw. What was not noted when the first chunk is written may be written over.
  virtual void note_stored(std::size_t tensor, const Shape& chunk, const StoredChunk& stored) = 0;
};

}  // namespace rulec
