// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/node.h"

#include <fmt/core.h>

#include "engine/file/printable.h"
#include "grammar/internal_error.h"
#include "grammar/overloaded.h"

namespace rulec::ocdbt {
namespace {

constexpr std::size_t LeastEntryBytes = 3;  // one number each of three columns or more
constexpr std::uint8_t Inline = 0;
constexpr std::uint8_t OutOfLine = 1;

// What a key or child takes in memory besides its text.
constexpr std::uint64_t EntryBytes = 64;

struct Keys {
  std::vector<std::string> texts;
  std::vector<std::uint64_t> prefix_lengths;  // of children
};

Keys read_keys(ByteReader& reader, std::size_t count, bool has_children) {
  std::vector<std::uint64_t> shared = reader.varints(count - 1, "the shared length of a key", MaxTextBytes);
  const std::vector<std::uint64_t> suffixes = reader.varints(count, "the length of a key", MaxTextBytes);
  Keys keys;
  if (has_children) keys.prefix_lengths = reader.varints(count, "the length of a child's prefix", MaxTextBytes);
  if (!reader.ok()) return keys;
  shared.insert(shared.begin(), 0);
  keys.texts.reserve(count);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const std::string_view before = i == 0 ? std::string_view() : keys.texts.back();
    if (shared[i] > before.size()) {
      reader.fail(fmt::format("key {} shares {} bytes with the one before, which has {}", i, shared[i], before.size()));
    } else if (shared[i] + suffixes[i] > MaxTextBytes) {
      reader.fail(fmt::format("key {} has {} bytes, expected {} or less", i, shared[i] + suffixes[i], MaxTextBytes));
    } else if (has_children && keys.prefix_lengths[i] > shared[i] + suffixes[i]) {
      reader.fail(fmt::format("key {} has {} bytes, and its child a prefix of {}", i, shared[i] + suffixes[i],
                              keys.prefix_lengths[i]));
    }
    reader.charge(EntryBytes + shared[i] + suffixes[i]);
    if (!reader.ok()) break;
    std::string key(before.substr(0, shared[i]));
    key += reader.text(suffixes[i], "a key");
    if (i > 0 && reader.ok() && key <= keys.texts.back())
      reader.fail(fmt::format("key `{}` follows `{}`", printable(key), printable(keys.texts.back())));
    keys.texts.push_back(std::move(key));
  }
  return keys;
}

// Kinds of values, one byte each.
std::span<const std::byte> read_kinds(ByteReader& reader, std::size_t count) {
  const std::span<const std::byte> kinds = reader.bytes(count, "the kinds of the values");
  for (const std::byte kind : kinds) {
    if (std::to_integer<std::uint8_t>(kind) > OutOfLine)
      reader.fail(fmt::format("the kind of a value is {}, expected 0 or 1", std::to_integer<int>(kind)));
  }
  return kinds;
}

std::vector<LeafEntry> read_entries(ByteReader& reader, std::vector<std::string> keys, std::size_t file_count) {
  const std::size_t count = keys.size();
  const std::vector<std::uint64_t> lengths = reader.varints(count, "the length of a value", MaxFileBytes);
  const std::span<const std::byte> kinds = read_kinds(reader, count);
  std::size_t out_of_line = 0;
  for (const std::byte kind : kinds) out_of_line += kind == std::byte{OutOfLine} ? 1 : 0;
  const auto files = reader.varints(out_of_line, "the file of a value");
  const auto offsets = reader.varints(out_of_line, "the offset of a value");
  std::vector<LeafEntry> entries;
  if (!reader.ok()) return entries;
  entries.reserve(count);
  for (std::size_t i = 0, outer = 0; i < count && reader.ok(); ++i) {
    if (kinds[i] == std::byte{OutOfLine}) {
      const Extent extent{files[outer], offsets[outer], lengths[i]};
      check_extent(extent, file_count, reader);
      entries.push_back({std::move(keys[i]), extent});
      ++outer;
      continue;
    }
    if (lengths[i] > MaxInlineValueBytes)
      reader.fail(
          fmt::format("a value in the node has {} bytes, expected {} or less", lengths[i], MaxInlineValueBytes));
    reader.charge(lengths[i]);
    entries.push_back({std::move(keys[i]), reader.bytes(lengths[i], "a value")});
  }
  return entries;
}

std::vector<Child> read_children(ByteReader& reader, Keys keys, std::size_t file_count) {
  const std::vector<Subtree> subtrees = read_subtrees(reader, keys.texts.size());
  std::vector<Child> children;
  for (std::size_t i = 0; i < keys.texts.size() && reader.ok(); ++i) {
    check_extent(subtrees[i].node, file_count, reader);
    children.push_back({std::move(keys.texts[i]), keys.prefix_lengths[i], subtrees[i]});
  }
  return children;
}

// The columns of keys, of entries or children.
template <class Row>
void write_keys(const std::vector<Row>& rows, ByteWriter& out) {
  std::vector<std::size_t> shared(rows.size());
  for (std::size_t i = 1; i < rows.size(); ++i) {
    RULEC_ASSERT(rows[i - 1].key < rows[i].key);
    shared[i] = shared_prefix(rows[i - 1].key, rows[i].key);
    out.varint(shared[i]);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) out.varint(rows[i].key.size() - shared[i]);
  if constexpr (requires(Row row) { row.prefix_length; }) {
    for (const Row& row : rows) out.varint(row.prefix_length);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) out.text(std::string_view(rows[i].key).substr(shared[i]));
}

void write_entries(const std::vector<LeafEntry>& entries, ByteWriter& out) {
  const auto extent_of = [](const LeafEntry& entry) { return std::get_if<Extent>(&entry.value); };
  for (const LeafEntry& entry : entries) {
    out.varint(std::visit(Overloaded{[](std::span<const std::byte> value) -> std::uint64_t { return value.size(); },
                                     [](const Extent& extent) { return extent.length; }},
                          entry.value));
  }
  for (const LeafEntry& entry : entries) out.u8(extent_of(entry) != nullptr ? OutOfLine : Inline);
  for (const LeafEntry& entry : entries) {
    if (const Extent* extent = extent_of(entry)) out.varint(extent->file);
  }
  for (const LeafEntry& entry : entries) {
    if (const Extent* extent = extent_of(entry)) out.varint(extent->offset);
  }
  for (const LeafEntry& entry : entries) {
    if (const auto* value = std::get_if<std::span<const std::byte>>(&entry.value)) out.bytes(*value);
  }
}

}  // namespace

Result<Node> decode_node(std::span<const std::byte> body, const Origin& origin, Budget& budget, Diagnostics& diags) {
  ByteReader reader(body, origin, budget, diags);
  Node node;
  node.height = reader.u8("the height");
  node.files = read_file_table(reader);
  const std::size_t count = reader.count("the number of entries", MaxNodeEntries, LeastEntryBytes);
  if (count == 0) reader.fail("it has no entries");
  if (!reader.ok()) return diags.failed();
  Keys keys = read_keys(reader, count, node.height > 0);
  if (!reader.ok()) return diags.failed();
  if (node.height == 0) {
    node.entries = read_entries(reader, std::move(keys.texts), node.files.size());
  } else {
    node.children = read_children(reader, std::move(keys), node.files.size());
  }
  if (!reader.finish()) return diags.failed();
  return node;
}

std::vector<std::byte> encode_node(const Node& node) {
  RULEC_ASSERT((node.height == 0) == node.children.empty() && (node.height > 0) == node.entries.empty());
  ByteWriter out;
  out.u8(node.height);
  write_file_table(node.files, out);
  out.varint(node.height == 0 ? node.entries.size() : node.children.size());
  if (node.height == 0) {
    write_keys(node.entries, out);
    write_entries(node.entries, out);
    return out.take();
  }
  write_keys(node.children, out);
  std::vector<Subtree> subtrees;
  for (const Child& child : node.children) subtrees.push_back(child.subtree);
  write_subtrees(subtrees, out);
  return out.take();
}

}  // namespace rulec::ocdbt
