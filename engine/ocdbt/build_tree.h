// SPDX-License-Identifier: Apache-2.0
// Entries to the nodes of a B+tree. Pure functions: nothing is written here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/ocdbt/manifest.h"

namespace rulec::ocdbt {

/// A value that was written to a file.
struct FileRange {
  std::string file;          ///< its path below the folder of the database, `d/...`
  std::uint64_t offset = 0;  ///< in bytes
  std::uint64_t length = 0;
};

/// A key and its value: bytes to put into a node (borrowed, at most `MaxInlineValueBytes`; Orbax puts up to 1024
/// there), or where they are.
struct NewEntry {
  std::string key;
  std::variant<std::span<const std::byte>, FileRange> value;
};

/// All nodes of a tree, back to back, the root last.
struct BuiltTree {
  std::vector<std::byte> nodes;
  std::uint8_t height = 0;
  Subtree root;  ///< of file 0; `MissingNode` if there are no entries
};

/// The tree of `entries` (sorted by key, as unsigned bytes; none twice), to be put at byte `offset` of `file`.
///
/// A node is filled until it would be larger than the configuration's `max_decoded_node_bytes`, by TensorStore's
/// estimate; a leaf has one entry or more, other nodes two children or more. What the keys of a node have in common is
/// left to the node above. Errors: R0803 a key of more than `MaxTextBytes`.
Result<BuiltTree> build_tree(std::span<const NewEntry> entries, const Configuration& configuration,
                             const std::string& file, std::uint64_t offset, Diagnostics& diags);

/// The manifest of a database with this tree in `file` as its only version.
Manifest manifest_of(const BuiltTree& tree, const Configuration& configuration, const std::string& file,
                     std::uint64_t commit_time);

}  // namespace rulec::ocdbt
