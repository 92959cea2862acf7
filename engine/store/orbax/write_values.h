// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/file/output_file.h"
#include "engine/ocdbt/build_tree.h"
#include "engine/store/orbax/write_plan.h"
#include "engine/store/resumable.h"

namespace rulec::orbax {

/// The values of a plan, in files below an item's folder and in memory.
class ValueWriter {
 public:
  /// Borrows `plan`.
  ValueWriter(std::filesystem::path item, const WritePlan& plan) : item_(std::move(item)), plan_(&plan) {}

  /// Makes all folders and files, with room for everything; the disk has their names when it returns. The item's folder
  /// is there. Errors: R0809.
  Status create(Diagnostics& diags);

  /// The same where they are all there; those of compressed values may be longer or shorter by now, or gone if there
  /// was nothing in them, and get their room as they grow. What lies beside them is removed: it was written when all
  /// was about to be finished, and will be again. Errors: R0809.
  Status create_again(Diagnostics& diags);

  /// Returns when the disk has what was put into files so far. Errors: R0809.
  Status flush(Diagnostics& diags);

  /// Puts bytes of a raw value to where they belong. May be called from several threads at once. Errors: R0809.
  Status put(std::size_t value, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags);

  /// Puts bytes of several raw values to where they lie in a file. May be called from several threads at once. Errors:
  /// R0809.
  Status put_range(StoredAt from, std::span<const std::byte> bytes, Diagnostics& diags);

  /// Stores a compressed value, in a node if it is small and there are nodes, else behind those that its file has. May
  /// be called from several threads at once. Errors: R0809.
  Status append(std::size_t value, std::span<const std::byte> bytes, bool may_be_inline, Diagnostics& diags);

  /// Where `append` has put a value of a file; nothing if it is in memory, or not there yet.
  std::optional<StoredChunk> stored(std::size_t value) const;

  /// Says that a value was appended before `create_again`. Before anything is appended: what is then behind the last
  /// of them is written over.
  void note_stored(std::size_t value, const StoredChunk& stored);

  /// Cuts the files to what is in them and waits for the disk. Errors: R0809.
  Status finish(Diagnostics& diags);

  /// Every value under its key, in no order; those in memory are borrowed.
  std::vector<ocdbt::NewEntry> entries() const;

 private:
  struct Output {
    OutputFile file;
    std::uint64_t used = 0;  // of one with compressed values
  };
  struct Stored {
    std::vector<std::byte> memory;  // of a value without a place in a file
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool is_inline = false;
    std::string checksum;  // of one that was appended
  };

  void list_folders();
  Status make_folders(Diagnostics& diags);
  Status sync_folders(Diagnostics& diags) const;
  void prepare_values();

  std::filesystem::path item_;
  const WritePlan* plan_;
  std::set<std::filesystem::path> folders_;  // below the item; a folder comes before those in it
  std::vector<Output> outputs_;
  std::vector<Stored> stored_;
  std::mutex mutex_;  // for `used`
};

}  // namespace rulec::orbax
