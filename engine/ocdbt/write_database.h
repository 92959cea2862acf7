// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/ocdbt/build_tree.h"

namespace rulec::ocdbt {

/// `d/` and 32 hexadecimal digits, as TensorStore names data files. Random numbers keep the files of writers apart.
std::string data_file_name(const Uuid& random);

/// What is no choice of the format but of the moment.
struct Stamp {
  Uuid uuid = {};                 ///< of the database
  Uuid node_file = {};            ///< for the name of the file with the nodes
  std::uint64_t commit_time = 0;  ///< nanoseconds since 1970
};

/// Makes a database of `entries` (sorted by key) in `folder`, which is there and has none. The files with values are
/// there too and have reached the disk; the nodes get a file of their own. The manifest appears last, whole or not at
/// all: until then there is no database. The uuid is taken from `stamp`. Errors: R0803, R0809.
Status write_database(const std::filesystem::path& folder, std::span<const NewEntry> entries,
                      Configuration configuration, const Stamp& stamp, Diagnostics& diags);

/// The last step alone. Errors: R0809.
Status write_manifest(const std::filesystem::path& folder, const Manifest& manifest, Diagnostics& diags);

}  // namespace rulec::ocdbt
