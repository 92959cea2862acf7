// SPDX-License-Identifier: Apache-2.0
// OCDBT databases, as TensorStore writes them (https://google.github.io/tensorstore/kvstore/ocdbt/): keys and values in
// files of a folder. Orbax keeps the arrays of a checkpoint in one, its metadata and chunks being the values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file/input_file.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::ocdbt {

/// A key, and where its value lies.
struct Entry {
  std::string key;                  ///< any bytes
  std::optional<std::size_t> file;  ///< position in `Database::files`; none: the database has it in memory
  std::uint64_t offset = 0;         ///< in bytes, in the file or in that memory
  std::uint64_t length = 0;
};

/// Whether a folder holds a database, as far as its names tell.
bool has_database(const std::filesystem::path& folder);

/// The newest version of a database, and nothing of older ones. Takes memory for its keys and for the values that lie
/// within its nodes, at most about `MaxDatabaseBytes`.
///
/// Const members may be called from several threads at once.
class Database {
 public:
  /// Reads the manifest and every node of the newest version, and opens every file that has a value. Databases that
  /// refer to the files or nodes of databases below them, as merged ones do, are read through.
  ///
  /// A range that ends beyond its file is an error, a node that is reached twice too. Sums over subtrees are not looked
  /// at, as other readers do not. Errors: R0801, R0803, R0806, R0811, R0817, R0820.
  static Result<Database> open(const std::filesystem::path& folder, Diagnostics& diags);

  /// Sorted by key, as unsigned bytes; every key once.
  std::span<const Entry> entries() const { return entries_; }

  /// nullptr if there is none.
  const Entry* find(std::string_view key) const;

  /// The files with values and nodes.
  std::span<const InputFile> files() const { return files_; }

  /// Fills `into` from byte `offset` of the value on; that lies within it. `room`: as for `InputFile::read`. Errors:
  /// R0801, R0817.
  Status read(const Entry& entry, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
              Room room = {}) const;

 private:
  Database() = default;

  std::vector<Entry> entries_;
  std::vector<std::byte> inline_values_;
  std::vector<InputFile> files_;
};

}  // namespace rulec::ocdbt
