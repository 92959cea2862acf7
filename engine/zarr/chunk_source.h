// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/file/direct.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::zarr {

/// Where the values of one array come from: a database, or a folder of files. Keys are relative to the array:
/// `zarr.json`, `c/0/1`.
///
/// Const members may be called from several threads at once, each with its own `Diagnostics`.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;

  /// Bytes of the value under `key`, or nothing if there is none.
  virtual std::optional<std::uint64_t> size(std::string_view key) const = 0;

  /// Fills `into` with the bytes of a value from `offset` on. The range lies within the value. `room`: as for
  /// `InputFile::read`.
  virtual Status read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
                      Room room = {}) const = 0;

  /// The file that has the value, by a number of the source's own, and where in it the value begins. Nothing if it is
  /// in memory.
  virtual std::optional<std::pair<std::size_t, std::uint64_t>> file_place(std::string_view key) const = 0;

  /// What messages call the value: its file, or its key and the database.
  virtual std::string where(std::string_view key) const = 0;
};

}  // namespace rulec::zarr
