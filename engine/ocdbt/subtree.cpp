// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/subtree.h"

#include <fmt/core.h>

namespace rulec::ocdbt {

void check_extent(const Extent& extent, std::size_t file_count, ByteReader& reader) {
  if (extent.file >= file_count) {
    reader.fail(fmt::format("a range lies in data file {} of {}", extent.file, file_count));
  } else if (extent.offset > MaxFileBytes || extent.length > MaxFileBytes - extent.offset) {
    reader.fail(fmt::format("a range of {} bytes at {} ends beyond 2^63", extent.length, extent.offset));
  }
}

std::vector<Subtree> read_subtrees(ByteReader& reader, std::size_t count) {
  const auto files = reader.varints(count, "the file of a node");
  const auto offsets = reader.varints(count, "the offset of a node");
  const auto lengths = reader.varints(count, "the length of a node");
  const auto keys = reader.varints(count, "the number of keys");
  const auto tree_bytes = reader.varints(count, "the size of a tree");
  const auto value_bytes = reader.varints(count, "the size of its values");
  std::vector<Subtree> subtrees;
  if (!reader.ok()) return subtrees;
  subtrees.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    subtrees.push_back({{files[i], offsets[i], lengths[i]}, keys[i], tree_bytes[i], value_bytes[i]});
  return subtrees;
}

void write_subtrees(const std::vector<Subtree>& subtrees, ByteWriter& out) {
  for (const Subtree& subtree : subtrees) out.varint(subtree.node.file);
  for (const Subtree& subtree : subtrees) out.varint(subtree.node.offset);
  for (const Subtree& subtree : subtrees) out.varint(subtree.node.length);
  for (const Subtree& subtree : subtrees) out.varint(subtree.keys);
  for (const Subtree& subtree : subtrees) out.varint(subtree.tree_bytes);
  for (const Subtree& subtree : subtrees) out.varint(subtree.indirect_value_bytes);
}

}  // namespace rulec::ocdbt
