// SPDX-License-Identifier: Apache-2.0
// Which units of a plan are on the disk, so that a run that was killed goes on where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/file/output_file.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// A text file: `rulec journal 1`, the fingerprint of the conversion, then a line for each unit, with a checksum of the
/// line and the fingerprint. A unit's line is written when its bytes are on the disk, and is on the disk itself before
/// `append` returns. So what a line says holds after a loss of power too, and a line that was torn says nothing.
class Journal {
 public:
  /// A new file, in the place of any that is there. Errors: R0809.
  static Result<Journal> begin(const std::filesystem::path& path, const std::string& fingerprint, Diagnostics& diags);

  /// Goes on with the file of a run with the same fingerprint, of so many units. Errors: R0801, R0809, and R0845 if it
  /// is of another conversion.
  static Result<Journal> resume(const std::filesystem::path& path, const std::string& fingerprint, std::size_t units,
                                Diagnostics& diags);

  /// By unit, whether it was done before this run; none is, in a new journal.
  const std::vector<bool>& finished() const { return finished_; }

  /// Errors: R0809.
  Status append(std::span<const std::size_t> units, Diagnostics& diags);

 private:
  std::string path_;
  std::string fingerprint_;
  Descriptor descriptor_;
  std::vector<bool> finished_;
};

}  // namespace rulec
