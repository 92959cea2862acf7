// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/manifest.h"

#include <fmt/core.h>

#include <algorithm>

namespace rulec::ocdbt {
namespace {

constexpr std::uint64_t Max32 = ~std::uint32_t{0};
constexpr std::uint8_t MaxArityLog2 = 16;
constexpr std::size_t LeastVersionBytes = 8 + 8;      // eight columns, one of them of eight bytes
constexpr std::size_t LeastVersionNodeBytes = 6 + 8;  // seven columns, one of them of eight bytes
constexpr std::size_t MaxVersionTreeHeight = 63;

Configuration read_configuration(ByteReader& reader) {
  Configuration out;
  if (const auto uuid = reader.bytes(out.uuid.size(), "the uuid"); reader.ok())
    std::ranges::copy(uuid, out.uuid.begin());
  const std::uint8_t kind = reader.u8("the kind of the manifest");
  if (kind > 1) reader.fail(fmt::format("the kind of the manifest is {}, expected 0 or 1", kind));
  out.is_numbered = kind == 1;
  out.max_inline_value_bytes = static_cast<std::uint32_t>(reader.varint("the size of inline values", Max32));
  out.max_decoded_node_bytes = static_cast<std::uint32_t>(reader.varint("the size of nodes", Max32));
  out.version_tree_arity_log2 = reader.u8("the arity of the version tree");
  if (reader.ok() && (out.version_tree_arity_log2 < 1 || out.version_tree_arity_log2 > MaxArityLog2)) {
    reader.fail(fmt::format("the arity of the version tree is 2^{}, expected 2^1 to 2^{}", out.version_tree_arity_log2,
                            MaxArityLog2));
  }
  out.compression = std::nullopt;
  if (reader.varint("the compression", 1) == 1)
    out.compression = static_cast<std::int32_t>(reader.u32le("the level of zstd"));
  return out;
}

void check_version(const Version& version, std::size_t file_count, ByteReader& reader) {
  if (version.generation == 0) reader.fail("a generation is 0, expected 1 or more");
  const Subtree& root = version.root;
  if (root.node.offset != MissingNode.offset || root.node.length != MissingNode.length) {
    check_extent(root.node, file_count, reader);
  } else if (version.height != 0 || root.keys != 0 || root.tree_bytes != 0 || root.indirect_value_bytes != 0) {
    reader.fail("a version has keys and no root");
  }
}

// All inline versions are of one node of the version tree, which is not full yet.
void check_generations(const std::vector<Version>& versions, std::uint8_t arity_log2, ByteReader& reader) {
  const auto block = [&](const Version& version) { return (version.generation - 1) >> arity_log2; };
  for (std::size_t i = 1; i < versions.size(); ++i) {
    if (versions[i].generation > versions[i - 1].generation && block(versions[i]) == block(versions[i - 1])) continue;
    reader.fail(fmt::format("generation {} follows generation {}", versions[i].generation, versions[i - 1].generation));
  }
}

std::vector<Version> read_versions(ByteReader& reader, std::uint8_t arity_log2, std::size_t file_count) {
  const std::size_t count = reader.count("the number of versions", std::uint64_t{1} << arity_log2, LeastVersionBytes);
  if (count == 0) reader.fail("there is no version");
  const auto generations = reader.varints(count, "a generation");
  std::vector<std::uint8_t> heights;
  for (std::size_t i = 0; i < count; ++i) heights.push_back(reader.u8("the height of a root"));
  const std::vector<Subtree> roots = read_subtrees(reader, count);
  std::vector<Version> versions;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    versions.push_back({generations[i], heights[i], roots[i], reader.u64le("the time of a version")});
    check_version(versions.back(), file_count, reader);
  }
  check_generations(versions, arity_log2, reader);
  return versions;
}

std::vector<VersionNode> read_version_nodes(ByteReader& reader, std::uint8_t arity_log2, std::size_t file_count) {
  const std::size_t count =
      reader.count("the number of version nodes", MaxVersionTreeHeight / arity_log2 - 1, LeastVersionNodeBytes);
  const auto generations = reader.varints(count, "a generation");
  const auto files = reader.varints(count, "the file of a version node");
  const auto offsets = reader.varints(count, "the offset of a version node");
  const auto lengths = reader.varints(count, "the length of a version node");
  const auto counts = reader.varints(count, "the number of generations");
  std::vector<VersionNode> nodes;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const Extent node{files[i], offsets[i], lengths[i]};
    nodes.push_back({generations[i], node, counts[i], reader.u64le("the time of a version node"), 0});
    check_extent(node, file_count, reader);
  }
  for (VersionNode& node : nodes) node.height = reader.u8("the height of a version node");
  return nodes;
}

}  // namespace

Result<Manifest> decode_manifest(std::span<const std::byte> body, const Origin& origin, Diagnostics& diags) {
  Budget budget;
  ByteReader reader(body, origin, budget, diags);
  Manifest manifest;
  manifest.configuration = read_configuration(reader);
  if (reader.ok() && !manifest.configuration.is_numbered) {
    const std::uint8_t arity_log2 = manifest.configuration.version_tree_arity_log2;
    manifest.files = read_file_table(reader);
    manifest.versions = read_versions(reader, arity_log2, manifest.files.size());
    manifest.version_nodes = read_version_nodes(reader, arity_log2, manifest.files.size());
  }
  if (!reader.finish()) return diags.failed();
  return manifest;
}

std::vector<std::byte> encode_manifest(const Manifest& manifest) {
  ByteWriter out;
  const Configuration& configuration = manifest.configuration;
  out.bytes(configuration.uuid);
  out.u8(configuration.is_numbered ? 1 : 0);
  out.varint(configuration.max_inline_value_bytes);
  out.varint(configuration.max_decoded_node_bytes);
  out.u8(configuration.version_tree_arity_log2);
  out.varint(configuration.compression ? 1 : 0);
  if (configuration.compression) out.u32le(static_cast<std::uint32_t>(*configuration.compression));
  if (configuration.is_numbered) return out.take();
  write_file_table(manifest.files, out);
  const std::vector<Version>& versions = manifest.versions;
  out.varint(versions.size());
  for (const Version& version : versions) out.varint(version.generation);
  for (const Version& version : versions) out.u8(version.height);
  std::vector<Subtree> roots;
  for (const Version& version : versions) roots.push_back(version.root);
  write_subtrees(roots, out);
  for (const Version& version : versions) out.u64le(version.commit_time);
  const std::vector<VersionNode>& nodes = manifest.version_nodes;
  out.varint(nodes.size());
  for (const VersionNode& node : nodes) out.varint(node.generation);
  for (const VersionNode& node : nodes) out.varint(node.node.file);
  for (const VersionNode& node : nodes) out.varint(node.node.offset);
  for (const VersionNode& node : nodes) out.varint(node.node.length);
  for (const VersionNode& node : nodes) out.varint(node.generations);
  for (const VersionNode& node : nodes) out.u64le(node.commit_time);
  for (const VersionNode& node : nodes) out.u8(node.height);
  return out.take();
}

}  // namespace rulec::ocdbt
