// SPDX-License-Identifier: Apache-2.0
// The manifest of a database: how it is configured, and where its versions are ("Manifest" in TensorStore's
// description of OCDBT). Pure functions: bytes in, values or messages out, and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/ocdbt/envelope.h"
#include "engine/ocdbt/file_table.h"
#include "engine/ocdbt/subtree.h"

namespace rulec::ocdbt {

/// The file whose presence says that its folder is a database.
constexpr std::string_view ManifestName = "manifest.ocdbt";

using Uuid = std::array<std::byte, 16>;

/// The defaults are what Orbax asks for.
struct Configuration {
  Uuid uuid = {};
  bool is_numbered = false;                            ///< the versions are in files of their own, `manifest.000...1`
  std::uint32_t max_inline_value_bytes = 1024;         ///< larger values lie outside of nodes; for writers
  std::uint32_t max_decoded_node_bytes = 100'000'000;  ///< larger nodes are split; for writers
  std::uint8_t version_tree_arity_log2 = 4;
  Compression compression = 0;
  bool operator==(const Configuration&) const = default;
};

/// A state of the database.
struct Version {
  std::uint64_t generation = 1;  ///< counts from 1
  std::uint8_t height = 0;       ///< of the root; 0 is a leaf
  Subtree root;
  std::uint64_t commit_time = 0;  ///< nanoseconds since 1970
  bool has_keys() const { return root.node.length != MissingNode.length; }
  bool operator==(const Version&) const = default;
};

/// A node of the tree of older versions, which nobody here reads.
struct VersionNode {
  std::uint64_t generation = 0;  ///< the newest in it
  Extent node;
  std::uint64_t generations = 0;
  std::uint64_t commit_time = 0;
  std::uint8_t height = 1;
  bool operator==(const VersionNode&) const = default;
};

struct Manifest {
  Configuration configuration;
  std::vector<DataFile> files;
  std::vector<Version> versions;  ///< the last one is the newest; none if the manifest is numbered, else one or more
  std::vector<VersionNode> version_nodes;
  bool operator==(const Manifest&) const = default;
};

/// Of the body of a manifest's envelope. Errors: R0820, R0803.
Result<Manifest> decode_manifest(std::span<const std::byte> body, const Origin& origin, Diagnostics& diags);

/// The body, byte by byte what TensorStore writes.
std::vector<std::byte> encode_manifest(const Manifest& manifest);

}  // namespace rulec::ocdbt
