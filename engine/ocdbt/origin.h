// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::ocdbt {

/// Which bytes these are, for messages.
struct Origin {
  std::string path;                ///< of their file
  std::uint64_t offset = 0;        ///< where they begin in it
  std::string_view kind = "node";  ///< or "manifest", "data file", "database"
};

/// R0820 at byte `at` of what is read there.
Finding report_bad(const Origin& origin, std::uint64_t at, std::string_view what, Diagnostics& diags);

/// What the keys, the values within nodes and the names of files of a database may take in memory. Keys and paths share
/// their beginnings with the ones before, so that a few megabytes can stand for terabytes.
constexpr std::uint64_t MaxDatabaseBytes = std::uint64_t{1} << 30;

/// What is left of it.
class Budget {
 public:
  /// Takes so many bytes off. Errors: R0803, at the node or manifest that needs them.
  Status take(std::uint64_t bytes, const Origin& origin, Diagnostics& diags);

 private:
  std::uint64_t left_ = MaxDatabaseBytes;
};

}  // namespace rulec::ocdbt
