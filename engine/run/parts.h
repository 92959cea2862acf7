// SPDX-License-Identifier: Apache-2.0
// How runs that share one conversion know of each other: by the journals that they keep beside each other.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/file/input_file.h"
#include "engine/run/journal.h"

#include <rulec/convert.h>
#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// While it lives, no other part begins or ends. On file systems that have no locks, it keeps nobody out.
class PartsLock {
 public:
  /// Waits for others. `path` is that of `journal_of`. Errors: R0809.
  static Result<PartsLock> take(const std::filesystem::path& path, Diagnostics& diags);

 private:
  explicit PartsLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;
};

/// The other parts of a conversion.
struct OtherParts {
  std::vector<Journal> journals;  ///< of those that have begun
  std::vector<int> open;          ///< those that have not come to their end
};

/// Looks at the others' journals; the plan has so many units. Errors: R0801, R0845 if a part is of another conversion,
/// or of the same in another number of parts.
Result<OtherParts> other_parts(const std::filesystem::path& path, const Part& part, const std::string& fingerprint,
                               std::size_t units, ResumableSink& sink, Diagnostics& diags);

}  // namespace rulec
