// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ocdbt/byte_reader.h"
#include "engine/ocdbt/byte_writer.h"

namespace rulec::ocdbt {

/// A range of a file.
struct Extent {
  std::uint64_t file = 0;    ///< position in the table of the manifest or node
  std::uint64_t offset = 0;  ///< in bytes
  std::uint64_t length = 0;
  bool operator==(const Extent&) const = default;
};

/// Ranges of files end before 2^63.
constexpr std::uint64_t MaxFileBytes = ~std::uint64_t{0} >> 1U;

/// A node, and sums over all that is reached from it. A writer gets them right; a reader trusts none.
struct Subtree {
  Extent node;
  std::uint64_t keys = 0;
  std::uint64_t tree_bytes = 0;            ///< of the nodes as they are stored, its own included
  std::uint64_t indirect_value_bytes = 0;  ///< of the values outside of nodes
  bool operator==(const Subtree&) const = default;
};

/// What a version without keys has for its root.
constexpr Extent MissingNode{0, ~std::uint64_t{0}, ~std::uint64_t{0}};

/// Fails `reader` unless the file of `extent` is in a table of `file_count` and its end below 2^63.
void check_extent(const Extent& extent, std::size_t file_count, ByteReader& reader);

/// The columns of so many subtrees: all files, all offsets and so on. The extents are not checked yet.
std::vector<Subtree> read_subtrees(ByteReader& reader, std::size_t count);
void write_subtrees(const std::vector<Subtree>& subtrees, ByteWriter& out);

}  // namespace rulec::ocdbt
