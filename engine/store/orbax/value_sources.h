// SPDX-License-Identifier: Apache-2.0
// Where Orbax keeps the values of an array: in a database under `<array>/`, or as files in a folder of the array.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "engine/ocdbt/database.h"
#include "engine/zarr/chunk_source.h"

namespace rulec::orbax {

/// Values of a database, which is borrowed.
class DatabaseValues final : public zarr::ChunkSource {
 public:
  /// `folder` is the database's, for messages. The array of a tree that is one array has no name, and its keys no `/`.
  DatabaseValues(const ocdbt::Database& database, std::string folder, const std::string& array)
      : database_(&database), folder_(std::move(folder)), prefix_(array.empty() ? "" : array + "/") {}

  std::optional<std::uint64_t> size(std::string_view key) const override;
  Status read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
              Room room = {}) const override;
  std::optional<std::pair<std::size_t, std::uint64_t>> file_place(std::string_view key) const override;
  std::string where(std::string_view key) const override;

 private:
  const ocdbt::Entry* find(std::string_view key) const;

  const ocdbt::Database* database_;
  std::string folder_;
  std::string prefix_;
};

/// Files of a folder. Each is opened when it is read: a checkpoint has more of them than a process may have open. A
/// file that changes between two reads is thus not noticed unless its size changes too.
class FileValues final : public zarr::ChunkSource {
 public:
  /// `item` is the folder out of which no link may lead, `folder` the array's in it.
  FileValues(std::filesystem::path item, std::filesystem::path folder)
      : item_(std::move(item)), folder_(std::move(folder)) {}

  std::optional<std::uint64_t> size(std::string_view key) const override;
  /// Errors: R0801, R0806, R0817.
  Status read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
              Room room = {}) const override;
  /// Numbers do not tell its files apart: each has one value, at its beginning.
  std::optional<std::pair<std::size_t, std::uint64_t>> file_place(std::string_view key) const override;
  std::string where(std::string_view key) const override { return (folder_ / key).string(); }

 private:
  std::filesystem::path item_;
  std::filesystem::path folder_;
};

}  // namespace rulec::orbax
