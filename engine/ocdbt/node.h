// SPDX-License-Identifier: Apache-2.0
// A node of the B+tree: keys, and their values or the nodes below ("B+tree node" in TensorStore's description of
// OCDBT). Pure functions: bytes in, values or messages out, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/ocdbt/file_table.h"
#include "engine/ocdbt/subtree.h"

namespace rulec::ocdbt {

/// The format's own limits.
constexpr std::uint64_t MaxNodeEntries = std::uint64_t{1} << 20;
constexpr std::uint64_t MaxInlineValueBytes = std::uint64_t{1} << 20;

/// A value within the node, borrowed from its body or its writer, or the range of a file where it lies.
using StoredValue = std::variant<std::span<const std::byte>, Extent>;

struct LeafEntry {
  std::string key;  ///< behind the prefix that all keys of the node share
  StoredValue value;
};

struct Child {
  std::string key;  ///< like those of entries: no key below the child is less
  std::uint64_t prefix_length =
      0;  ///< so many bytes of `key` begin every key below the child, whose node leaves them out
  Subtree subtree;
};

/// Height 0 has entries and no children, other heights the reverse; sorted by key, none twice, keys compared as
/// unsigned bytes.
struct Node {
  std::uint8_t height = 0;
  std::vector<DataFile> files;
  std::vector<LeafEntry> entries;
  std::vector<Child> children;
};

/// Of the body of a node's envelope, which must outlive it. Whatever takes memory is taken off `budget`. Errors: R0820,
/// R0803.
Result<Node> decode_node(std::span<const std::byte> body, const Origin& origin, Budget& budget, Diagnostics& diags);

/// The body, byte by byte what TensorStore writes if `files` are those that the node refers to and no others.
std::vector<std::byte> encode_node(const Node& node);

}  // namespace rulec::ocdbt
