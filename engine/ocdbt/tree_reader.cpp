// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/tree_reader.h"

#include <fmt/core.h>

#include <set>
#include <string>
#include <utility>
#include <variant>

#include "engine/file/printable.h"
#include "engine/ocdbt/envelope.h"
#include "engine/ocdbt/node.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec::ocdbt {
namespace {

// A damaged folder lacks many files at once.
constexpr std::size_t MaxValueFindings = 10;

// A node, and what is known of it from above.
struct NodePlace {
  DataFile file;  // `base` with all the bases on the way
  Extent extent;  // of which the file's position says nothing here
  std::uint8_t height = 0;
  std::string prefix;     // of all its keys, at most MaxTextBytes
  std::string least_key;  // whole, as entries have it
};

class TreeReader {
 public:
  TreeReader(DataFiles& data_files, Diagnostics& diags) : data_files_(data_files), diags_(diags) {}

  Status read(const NodePlace& place);
  Result<ReadTree> finish() {
    if (findings_ > 0) return diags_.failed();
    return std::move(tree_);
  }

 private:
  Result<std::vector<std::byte>> body_of(const NodePlace& place, Origin& origin);
  Status read_children(const NodePlace& place, Node node, const Origin& origin);
  Status take(const NodePlace& place, Node node, const Origin& origin);
  void take_range(Entry& entry, const DataFile& file, const Extent& extent);

  DataFiles& data_files_;
  Diagnostics& diags_;
  Budget budget_;
  std::set<std::pair<std::size_t, std::uint64_t>> visited_;  // file, offset
  ReadTree tree_;
  std::size_t findings_ = 0;  // about values
};

Result<std::vector<std::byte>> TreeReader::body_of(const NodePlace& place, Origin& origin) {
  const Result<std::size_t> position = data_files_.find(place.file.base + place.file.relative, diags_);
  if (!position) return diags_.failed();
  const InputFile& file = data_files_.all()[*position];
  const Extent& extent = place.extent;
  origin = {file.path(), extent.offset, "node"};
  if (extent.length > MaxBodyBytes) {
    return report(diags_, FilePlace{file.path(), extent.offset}, diag::OverLimit,
                  fmt::format("a node in `{}` has {} bytes", printable(file.path()), extent.length),
                  fmt::format("{}", MaxBodyBytes));
  }
  if (extent.offset > file.size() || extent.length > file.size() - extent.offset) {
    return report_bad(
        origin, 0,
        fmt::format("it should have {} bytes at {}, the file ends at {}", extent.length, extent.offset, file.size()),
        diags_);
  }
  if (!visited_.emplace(*position, extent.offset).second)
    return report_bad(origin, 0, fmt::format("two nodes refer to the one at {}", extent.offset), diags_);
  std::vector<std::byte> bytes(extent.length);
  if (!file.read(extent.offset, bytes, diags_)) return diags_.failed();
  return open_envelope(bytes, Magic::Node, origin, diags_);
}

Status TreeReader::read(const NodePlace& place) {
  Origin origin;
  Result<std::vector<std::byte>> body = body_of(place, origin);
  if (!body) return diags_.failed();
  Result<Node> node = decode_node(*body, origin, budget_, diags_);
  if (!node) return diags_.failed();
  if (node->height != place.height) {
    return report_bad(origin, 0, fmt::format("its height is {}, expected {}", node->height, place.height), diags_);
  }
  if (!budget_.take(place.prefix.size() * node->entries.size(), origin, diags_)) return diags_.failed();
  if (node->height == 0) return take(place, *std::move(node), origin);
  *body = {};  // of which children borrow nothing
  return read_children(place, *std::move(node), origin);
}

Status TreeReader::read_children(const NodePlace& place, Node node, const Origin& origin) {
  for (const Child& child : node.children) {
    const DataFile& file = node.files[child.subtree.node.file];
    const NodePlace below{.file = {place.file.base + file.base, file.relative},
                          .extent = child.subtree.node,
                          .height = static_cast<std::uint8_t>(place.height - 1),
                          .prefix = place.prefix + child.key.substr(0, child.prefix_length),
                          .least_key = place.prefix + child.key};
    if (below.least_key.size() > MaxTextBytes)
      return report_bad(origin, 0, fmt::format("the key `{}` is too long", printable(below.least_key)), diags_);
    if (below.least_key < place.least_key || (!tree_.entries.empty() && below.least_key <= tree_.entries.back().key)) {
      return report_bad(origin, 0,
                        fmt::format("its child `{}` begins before its place in the tree", printable(below.least_key)),
                        diags_);
    }
    if (!read(below)) return diags_.failed();
  }
  return Done{};
}

Status TreeReader::take(const NodePlace& place, Node node, const Origin& origin) {
  for (LeafEntry& stored : node.entries) {
    Entry entry{.key = place.prefix + stored.key, .file = {}, .offset = 0, .length = 0};
    if (entry.key.size() > MaxTextBytes)
      return report_bad(origin, 0, fmt::format("the key `{}` is too long", printable(entry.key)), diags_);
    if (entry.key < place.least_key) {
      return report_bad(origin, 0,
                        fmt::format("its key `{}` is less than `{}`", printable(entry.key), printable(place.least_key)),
                        diags_);
    }
    std::visit(Overloaded{[&](std::span<const std::byte> value) {
                            entry.offset = tree_.inline_values.size();
                            entry.length = value.size();
                            tree_.inline_values.insert(tree_.inline_values.end(), value.begin(), value.end());
                          },
                          [&](const Extent& extent) {
                            const DataFile& file = node.files[extent.file];
                            take_range(entry, {place.file.base + file.base, file.relative}, extent);
                          }},
               stored.value);
    if (findings_ >= MaxValueFindings) return diags_.failed();
    tree_.entries.push_back(std::move(entry));
  }
  return Done{};
}

void TreeReader::take_range(Entry& entry, const DataFile& file, const Extent& extent) {
  if (extent.length == 0) return;  // of no file, as TensorStore has it
  const std::size_t errors_before = diags_.errors();
  const Result<std::size_t> position = data_files_.find(file.base + file.relative, diags_);
  if (!position) {
    findings_ += diags_.errors() > errors_before ? 1 : 0;
    return;
  }
  entry.file = *position;
  entry.offset = extent.offset;
  entry.length = extent.length;
  const InputFile& opened = data_files_.all()[*position];
  if (extent.offset <= opened.size() && extent.length <= opened.size() - extent.offset) return;
  ++findings_;
  report_bad({opened.path(), extent.offset, "data file"}, 0,
             fmt::format("the value of `{}` should have {} bytes at {}, the file ends at {}", printable(entry.key),
                         extent.length, extent.offset, opened.size()),
             diags_)
      .help("it was cut off: fetch the checkpoint again");
}

}  // namespace

Result<ReadTree> read_tree(const Version& version, const std::vector<DataFile>& files, DataFiles& data_files,
                           Diagnostics& diags) {
  if (!version.has_keys()) return ReadTree{};
  TreeReader reader(data_files, diags);
  const Extent& root = version.root.node;
  if (!reader.read({files[root.file], root, version.height, {}, {}})) return diags.failed();
  return reader.finish();
}

}  // namespace rulec::ocdbt
