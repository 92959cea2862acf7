// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/build_tree.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "engine/file/printable.h"
#include "engine/ocdbt/node.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec::ocdbt {
namespace {

// TensorStore's estimate of what a row takes, besides its texts.
constexpr std::uint64_t RowBytes = 16;
constexpr std::uint64_t RangeBytes = 16;

std::uint64_t value_bytes(const NewEntry& entry) {
  return std::visit(Overloaded{[](std::span<const std::byte> value) -> std::uint64_t { return value.size(); },
                               [](const FileRange& range) -> std::uint64_t { return RangeBytes + range.file.size(); }},
                    entry.value);
}

// Cuts rows of these sizes into runs that take at most `max_bytes`, but have `least` rows or more; the ends of the
// runs.
std::vector<std::size_t> runs(std::span<const std::uint64_t> sizes, std::uint64_t max_bytes, std::size_t least) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::size_t count = i - begin;
    // Room is kept for a last row that would make too short a run.
    if (count >= least && (bytes + sizes[i] > max_bytes || count + least > MaxNodeEntries)) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
    }
    bytes += sizes[i];
  }
  if (!ends.empty() && sizes.size() - begin < least) ends.pop_back();
  ends.push_back(sizes.size());
  return ends;
}

template <class Row>
std::vector<std::uint64_t> key_bytes(std::span<const Row> rows) {
  std::vector<std::uint64_t> sizes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t shared = i == 0 ? 0 : shared_prefix(rows[i - 1].key, rows[i].key);
    sizes.push_back(RowBytes + rows[i].key.size() - shared);
  }
  return sizes;
}

class TreeBuilder {
 public:
  TreeBuilder(const Configuration& configuration, const std::string& file, std::uint64_t offset)
      : configuration_(configuration), file_(file), offset_(offset) {}

  // Each returns the nodes as the children of those above: keys and the lengths of prefixes are of whole keys.
  std::vector<Child> leaves(std::span<const NewEntry> entries);
  std::vector<Child> nodes_above(const std::vector<Child>& children, std::uint8_t height);
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  Child leaf(std::span<const NewEntry> entries, std::size_t prefix_length);
  Child interior(std::span<const Child> children, std::uint8_t height, std::size_t prefix_length);
  Child add(const Node& node, std::string key, std::size_t prefix_length, Subtree sums);

  const Configuration& configuration_;
  const std::string& file_;
  std::uint64_t offset_;
  std::vector<std::byte> bytes_;
};

Child TreeBuilder::add(const Node& node, std::string key, std::size_t prefix_length, Subtree sums) {
  const std::vector<std::byte> sealed = seal_envelope(encode_node(node), Magic::Node, configuration_.compression);
  sums.node = {0, offset_ + bytes_.size(), sealed.size()};
  sums.tree_bytes += sealed.size();
  bytes_.insert(bytes_.end(), sealed.begin(), sealed.end());
  return {std::move(key), prefix_length, sums};
}

Child TreeBuilder::leaf(std::span<const NewEntry> entries, std::size_t prefix_length) {
  std::map<std::string_view, std::uint64_t> files;
  for (const NewEntry& entry : entries) {
    if (const auto* range = std::get_if<FileRange>(&entry.value)) files.emplace(range->file, 0);
  }
  Node node;
  for (auto& [file, position] : files) {
    position = node.files.size();
    node.files.push_back({"", std::string(file)});
  }
  Subtree sums;
  sums.keys = entries.size();
  node.entries.reserve(entries.size());
  for (const NewEntry& entry : entries) {
    const StoredValue value = std::visit(Overloaded{[](std::span<const std::byte> bytes) -> StoredValue {
                                                      RULEC_ASSERT(bytes.size() <= MaxInlineValueBytes);
                                                      return bytes;
                                                    },
                                                    [&](const FileRange& range) -> StoredValue {
                                                      sums.indirect_value_bytes += range.length;
                                                      return Extent{files.at(range.file), range.offset, range.length};
                                                    }},
                                         entry.value);
    node.entries.push_back({entry.key.substr(prefix_length), value});
  }
  return add(node, entries.front().key, prefix_length, sums);
}

Child TreeBuilder::interior(std::span<const Child> children, std::uint8_t height, std::size_t prefix_length) {
  Node node;
  node.height = height;
  node.files.push_back({"", file_});
  Subtree sums;
  for (const Child& child : children) {
    sums.keys += child.subtree.keys;
    sums.tree_bytes += child.subtree.tree_bytes;
    sums.indirect_value_bytes += child.subtree.indirect_value_bytes;
    node.children.push_back({child.key.substr(prefix_length), child.prefix_length - prefix_length, child.subtree});
  }
  return add(node, children.front().key, prefix_length, sums);
}

std::vector<Child> TreeBuilder::leaves(std::span<const NewEntry> entries) {
  std::vector<std::uint64_t> sizes = key_bytes(entries);
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] += value_bytes(entries[i]);
  const std::vector<std::size_t> ends = runs(sizes, configuration_.max_decoded_node_bytes, 1);
  std::vector<Child> nodes;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const bool is_root = ends.size() == 1;
    const std::size_t prefix_length = is_root ? 0 : shared_prefix(entries[begin].key, entries[end - 1].key);
    nodes.push_back(leaf(entries.subspan(begin, end - begin), prefix_length));
    begin = end;
  }
  return nodes;
}

std::vector<Child> TreeBuilder::nodes_above(const std::vector<Child>& children, std::uint8_t height) {
  std::vector<std::uint64_t> sizes = key_bytes(std::span<const Child>(children));
  for (std::uint64_t& size : sizes) size += RangeBytes + file_.size();
  const std::vector<std::size_t> ends = runs(sizes, configuration_.max_decoded_node_bytes, 2);
  std::vector<Child> nodes;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const auto part = std::span(children).subspan(begin, end - begin);
    std::size_t prefix_length = ends.size() == 1 ? 0 : shared_prefix(part.front().key, part.back().key);
    for (const Child& child : part) prefix_length = std::min(prefix_length, child.prefix_length);
    nodes.push_back(interior(part, height, prefix_length));
    begin = end;
  }
  return nodes;
}

Status check_keys(std::span<const NewEntry> entries, Diagnostics& diags) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    RULEC_ASSERT(i == 0 || entries[i - 1].key < entries[i].key);
    if (entries[i].key.size() <= MaxTextBytes) continue;
    return report(diags, {}, diag::OverLimit,
                  fmt::format("the key `{}` has {} bytes", printable(entries[i].key), entries[i].key.size()),
                  fmt::format("{}", MaxTextBytes));
  }
  return Done{};
}

}  // namespace

Result<BuiltTree> build_tree(std::span<const NewEntry> entries, const Configuration& configuration,
                             const std::string& file, std::uint64_t offset, Diagnostics& diags) {
  BuiltTree tree;
  tree.root.node = MissingNode;
  if (entries.empty()) return tree;
  if (!check_keys(entries, diags)) return diags.failed();
  TreeBuilder builder(configuration, file, offset);
  std::vector<Child> level = builder.leaves(entries);
  while (level.size() > 1) level = builder.nodes_above(level, ++tree.height);
  tree.root = level.front().subtree;
  tree.nodes = builder.take();
  return tree;
}

Manifest manifest_of(const BuiltTree& tree, const Configuration& configuration, const std::string& file,
                     std::uint64_t commit_time) {
  Manifest manifest;
  manifest.configuration = configuration;
  manifest.files.push_back({"", tree.nodes.empty() ? "" : file});
  manifest.versions.push_back({1, tree.height, tree.root, commit_time});
  return manifest;
}

}  // namespace rulec::ocdbt
