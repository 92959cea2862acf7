// SPDX-License-Identifier: Apache-2.0
// Which units of a plan are on the disk, so that a run that was killed goes on where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/file/input_file.h"
#include "engine/run/block_io.h"
#include "engine/store/resumable.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// What one write has put into a file.
struct WrittenExtent {
  std::size_t block = 0;              ///< of the unit's targets
  Segment segment;                    ///< of the block's buffer
  std::string checksum;               ///< XXH3, 128 bits, of what is in the file
  std::optional<StoredChunk> stored;  ///< where, if the chunk is not raw; those have the same checksum
};

/// A text file: `rulec journal 2`, the fingerprint of the conversion, then a line for each unit: its number, and what
/// its writes have put where.
///
///     17 0:0+8388608=<checksum> 0:8388608+4194304=<checksum> <CRC-32C of the line and the fingerprint>
///     18 0:0+16777216=<checksum>@3:1048576+12582931 <CRC-32C>
///
/// A last line `end <CRC-32C>` says that this was all, where several runs share a conversion.
///
/// Unit 17 has a raw block that was written in two parts; the chunk of unit 18 was compressed to 12582931 bytes, which
/// lie in file 3 from 1048576 on.
///
/// A line is written when its unit was, and nobody waits for the disk then: that costs more than the notes are worth.
/// So after a loss of power a line may speak of bytes that are lost, though of few and of late ones, since `sync` is
/// called from time to time. Nothing is taken on trust: `check_written` looks. A line that was torn says nothing, nor
/// does any behind it. Of two lines of a unit the later one counts.
class Journal {
 public:
  /// A new file, in the place of any that is there. Borrows the sink that is written to. Errors: R0809.
  static Result<Journal> begin(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                               ResumableSink& sink, Diagnostics& diags);

  /// Goes on with the file of a run with the same fingerprint, of so many units. Errors: R0801, R0809, and R0845 if it
  /// is of another conversion.
  static Result<Journal> resume(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                                ResumableSink& sink, Diagnostics& diags);

  /// What the journal of another part of the same conversion says by now. It is not to be written to. Errors: R0801,
  /// R0845.
  static Result<Journal> read(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                              ResumableSink& sink, Diagnostics& diags);

  const std::string& path() const { return path_; }
  /// By unit, whether it was done before this journal was opened; none is, in a new one.
  const std::vector<bool>& finished() const { return finished_; }
  /// What a finished unit has written, as its line says.
  const std::vector<WrittenExtent>& extents(std::size_t unit) const { return extents_[unit]; }
  /// Whether all that was to be done is: `end` was called.
  bool has_ended() const { return has_ended_; }
  /// The unit is to be done again.
  void distrust(std::size_t unit) { finished_[unit] = false; }

  /// A segment of a block, whose whole buffer is `bytes`, was written. May be called from several threads at once.
  void wrote(std::size_t unit, std::size_t number, const Block& block, const Segment& segment,
             std::span<const std::byte> bytes);

  /// Notes these units, all of which was written. Units of which something is in memory until the commit are left out.
  /// Errors: R0809.
  Status note(std::span<const std::size_t> units, Diagnostics& diags);

  /// Returns when the disk has what was written and noted so far. Errors: R0809.
  Status sync(Diagnostics& diags);

  /// Notes that there is nothing more to do, and syncs. Errors: R0809.
  Status end(Diagnostics& diags);

 private:
  Journal(const std::filesystem::path& path, std::string fingerprint, std::size_t units, ResumableSink& sink)
      : path_(path.string()),
        fingerprint_(std::move(fingerprint)),
        sink_(&sink),
        finished_(units),
        extents_(units),
        mutex_(std::make_unique<std::mutex>()) {}

  Result<std::uintmax_t> read(Diagnostics& diags);
  Status sync_lines(Diagnostics& diags);

  struct Unnoted {
    bool is_in_memory = false;  // some of it
    std::vector<WrittenExtent> extents;
  };

  std::string path_;
  std::string fingerprint_;
  ResumableSink* sink_;
  Descriptor descriptor_;
  bool has_ended_ = false;
  std::vector<bool> finished_;
  std::vector<std::vector<WrittenExtent>> extents_;
  std::unique_ptr<std::mutex> mutex_;  // for what is below
  std::map<std::size_t, Unnoted> unnoted_;
};

}  // namespace rulec
