// SPDX-License-Identifier: Apache-2.0
// What tests of OCDBT databases open, make and compare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ocdbt/build_tree.h"
#include "engine/ocdbt/database.h"
#include "engine/ocdbt/node.h"

namespace rulec::testing {

using Bytes = std::vector<std::byte>;

Bytes as_bytes(std::string_view text);
std::string as_text(std::span<const std::byte> bytes);

/// A database of tests/data/orbax.
std::filesystem::path orbax_data(std::string_view name);

/// Opens a database about which there is nothing to say.
ocdbt::Database opened_database(const std::filesystem::path& folder);

/// Opens what may be broken, and says whether it was not: then every value can be read.
bool opens_database(const std::filesystem::path& folder);

/// All of it: key to value.
std::map<std::string, std::string> contents(const ocdbt::Database& database);

/// CRC-32C over length (8 bytes), key, length, value of every entry in order.
std::uint32_t digest(const ocdbt::Database& database);

/// A node of a file, unpacked.
struct NodeBody {
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< as it is stored
  Bytes body;
};

/// Every node in the files of `d/` folders in and below `folder`, those of older versions too.
std::vector<NodeBody> nodes_below(const std::filesystem::path& folder);

/// Every manifest in and below `folder`.
std::vector<std::filesystem::path> manifests_below(const std::filesystem::path& folder);

Bytes manifest_body(const std::filesystem::path& path);
ocdbt::Manifest manifest_at(const std::filesystem::path& path);

}  // namespace rulec::testing
