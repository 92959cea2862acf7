// SPDX-License-Identifier: Apache-2.0
// Databases that are written, and opened again.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/ocdbt/envelope.h"
#include "engine/ocdbt/write_database.h"
#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::ocdbt_write_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

using Contents = std::map<std::string, std::string>;

// Keys and values as Orbax has them, and unlike: of few letters and of all bytes, empty, one the beginning of another.
Contents random_contents(unsigned seed, std::size_t count) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return random() % n; };
  Contents all;
  if (seed % 2 == 0) all[""] = "of the empty key";
  while (all.size() < count) {
    std::string key;
    const bool is_text = below(4) != 0;
    if (is_text) key = fmt::format("params.layer_{}.kernel/c/", below(50));
    for (std::size_t length = below(8); length > 0; --length)
      key += is_text ? static_cast<char>('a' + below(3)) : static_cast<char>(below(256));
    all[key] = std::string(below(3) == 0 ? 0 : below(200), static_cast<char>(below(256)));
  }
  return all;
}

// What a caller does: values over a threshold go to a data file of his own.
struct Prepared {
  std::string file = "d/values";
  std::string outer;  // its content
  std::vector<ocdbt::NewEntry> entries;
};

Prepared prepare(const Contents& contents, std::size_t max_inline_bytes) {
  Prepared prepared;
  for (const auto& [key, value] : contents) {
    if (value.size() <= max_inline_bytes) {
      prepared.entries.push_back({key, std::as_bytes(std::span(value))});
    } else {
      prepared.entries.push_back({key, ocdbt::FileRange{prepared.file, prepared.outer.size(), value.size()}});
      prepared.outer += value;
    }
  }
  return prepared;
}

// Writes what `write_database` writes, but does not wait for the disk.
ocdbt::BuiltTree write(const Scratch& scratch, const Prepared& prepared, const ocdbt::Configuration& configuration) {
  Diagnostics diags;
  Result<ocdbt::BuiltTree> tree = ocdbt::build_tree(prepared.entries, configuration, "d/nodes", 0, diags);
  REQUIRE_MESSAGE(tree, render_text(diags));
  const ocdbt::Manifest manifest = ocdbt::manifest_of(*tree, configuration, "d/nodes", 0);
  scratch.write(prepared.file, prepared.outer);
  scratch.write("d/nodes", as_text(tree->nodes));
  scratch.write("manifest.ocdbt", as_text(ocdbt::seal_envelope(ocdbt::encode_manifest(manifest), ocdbt::Magic::Manifest,
                                                               configuration.compression)));
  return *std::move(tree);
}

void check_round_trip(const Contents& written, const ocdbt::Configuration& configuration) {
  const Scratch scratch;
  const Prepared prepared = prepare(written, configuration.max_inline_value_bytes);
  const ocdbt::BuiltTree tree = write(scratch, prepared, configuration);
  CHECK(contents(opened_database(scratch.path())) == written);
  CHECK(tree.root.keys == written.size());
  CHECK(tree.root.indirect_value_bytes == prepared.outer.size());
  CHECK(tree.root.tree_bytes == tree.nodes.size());
}

// The sums that a node has of each child, counted again from the nodes.
void check_sums(const std::map<std::uint64_t, ocdbt::Node>& nodes, const ocdbt::Subtree& subtree) {
  const ocdbt::Node& node = nodes.at(subtree.node.offset);
  ocdbt::Subtree sums{subtree.node, node.entries.size(), subtree.node.length, 0};
  for (const ocdbt::LeafEntry& entry : node.entries) {
    if (const auto* extent = std::get_if<ocdbt::Extent>(&entry.value)) sums.indirect_value_bytes += extent->length;
  }
  for (const ocdbt::Child& child : node.children) {
    CHECK(nodes.at(child.subtree.node.offset).height + 1 == node.height);
    check_sums(nodes, child.subtree);
    sums.keys += child.subtree.keys;
    sums.tree_bytes += child.subtree.tree_bytes;
    sums.indirect_value_bytes += child.subtree.indirect_value_bytes;
  }
  CHECK(sums == subtree);
  if (node.height > 0) CHECK(node.children.size() >= 2);
}

}  // namespace

TEST_CASE("what is written is read, whatever the keys and however large the nodes") {
  unsigned seed = 0;
  for (const std::size_t count : {0U, 1U, 2U, 3U, 10U, 500U}) {
    for (const std::uint32_t node_bytes : {1U, 60U, 400U, 3000U, 100'000'000U}) {
      for (const ocdbt::Compression compression : {ocdbt::Compression(), ocdbt::Compression(0)}) {
        for (const std::uint32_t inline_bytes : {0U, 50U, 1024U}) {
          CAPTURE(count);
          CAPTURE(node_bytes);
          ocdbt::Configuration configuration;
          configuration.max_decoded_node_bytes = node_bytes;
          configuration.max_inline_value_bytes = inline_bytes;
          configuration.compression = compression;
          check_round_trip(random_contents(seed++, count), configuration);
        }
      }
    }
  }
}

TEST_CASE("the sums of every subtree are right") {
  for (const std::uint32_t node_bytes : {1U, 300U, 2000U}) {
    const Contents written = random_contents(node_bytes, 300);
    const Prepared prepared = prepare(written, 50);
    ocdbt::Configuration configuration;
    configuration.max_decoded_node_bytes = node_bytes;
    const Scratch scratch;
    const ocdbt::BuiltTree tree = write(scratch, prepared, configuration);
    std::map<std::uint64_t, ocdbt::Node> nodes;
    for (const NodeBody& found : nodes_below(scratch.path())) {
      Diagnostics diags;
      ocdbt::Budget budget;
      Result<ocdbt::Node> node = ocdbt::decode_node(found.body, {"x", 0, "node"}, budget, diags);
      REQUIRE(node);
      for (ocdbt::LeafEntry& entry : node->entries) {
        if (std::holds_alternative<std::span<const std::byte>>(entry.value)) entry.value = std::span<const std::byte>();
      }
      nodes.emplace(found.offset, *std::move(node));
    }
    CHECK(tree.height > (node_bytes == 1 ? 6 : 0));
    check_sums(nodes, tree.root);
  }
}

TEST_CASE("a tree of one leaf is TensorStore's, byte by byte") {
  std::size_t tried = 0;
  for (const fs::path& path : manifests_below(orbax_data(""))) {
    if (path.filename() != "manifest.ocdbt" || path.string().find("process_") != std::string::npos) continue;
    const ocdbt::Manifest manifest = manifest_at(path);
    if (manifest.configuration.is_numbered) continue;
    const ocdbt::Version& version = manifest.versions.back();
    const ocdbt::Database database = opened_database(path.parent_path());
    const bool is_merged = fs::exists(path.parent_path() / "ocdbt.process_0");
    if (version.height > 0 || database.entries().empty() || is_merged) continue;
    INFO(path.string());
    const std::map<std::string, std::string> values = contents(database);
    std::vector<ocdbt::NewEntry> entries;
    for (const ocdbt::Entry& entry : database.entries()) {
      if (entry.file) {
        const std::string file = fs::relative(database.files()[*entry.file].path(), path.parent_path()).string();
        entries.push_back({entry.key, ocdbt::FileRange{file, entry.offset, entry.length}});
      } else {
        entries.push_back({entry.key, std::as_bytes(std::span(values.at(entry.key)))});
      }
    }
    Diagnostics diags;
    const Result<ocdbt::BuiltTree> tree =
        ocdbt::build_tree(entries, manifest.configuration, "d/x", version.root.node.offset, diags);
    REQUIRE(tree);
    const ocdbt::Subtree root = tree->root;
    CHECK(root.keys == version.root.keys);
    CHECK(root.indirect_value_bytes == version.root.indirect_value_bytes);
    const std::string file = read_file(path.parent_path() / manifest.files[version.root.node.file].relative);
    const Bytes stored = as_bytes(std::string_view(file).substr(version.root.node.offset, version.root.node.length));
    const Result<Bytes> theirs = ocdbt::open_envelope(stored, ocdbt::Magic::Node, {"x", 0, "node"}, diags);
    const Result<Bytes> ours = ocdbt::open_envelope(tree->nodes, ocdbt::Magic::Node, {"x", 0, "node"}, diags);
    REQUIRE((theirs && ours));
    CHECK(*ours == *theirs);
    ++tried;
  }
  CHECK(tried >= 2);
}

TEST_CASE("a database is written with all it needs, and the same stamp gives the same bytes") {
  const Contents written = random_contents(7, 50);
  const Prepared prepared = prepare(written, 100);
  const ocdbt::Stamp stamp{.uuid = {std::byte{1}}, .node_file = {std::byte{2}}, .commit_time = 3};
  std::vector<std::string> manifests;
  for (int i = 0; i < 2; ++i) {
    const Scratch scratch;
    Diagnostics diags;
    scratch.write(prepared.file, prepared.outer);
    REQUIRE(ocdbt::write_database(scratch.path(), prepared.entries, {}, stamp, diags));
    CHECK(contents(opened_database(scratch.path())) == written);
    CHECK(!fs::exists(scratch / "manifest.ocdbt.tmp"));
    CHECK(manifest_at(scratch / "manifest.ocdbt").versions.back().generation == 1);
    manifests.push_back(read_file(scratch / "manifest.ocdbt") +
                        read_file(scratch / ocdbt::data_file_name(stamp.node_file)));
    const ocdbt::Manifest manifest = manifest_at(scratch / "manifest.ocdbt");
    CHECK(manifest.configuration.uuid == stamp.uuid);
    CHECK(manifest.versions.back().commit_time == 3);
    CHECK(manifest.files == std::vector<ocdbt::DataFile>{{"", "d/02000000000000000000000000000000"}});
  }
  CHECK(manifests[0] == manifests[1]);
}

TEST_CASE("nothing is written over a database, nor half of one") {
  const Scratch scratch;
  Diagnostics diags;
  REQUIRE(ocdbt::write_database(scratch.path(), {}, {}, {}, diags));
  const std::string before = read_file(scratch / "manifest.ocdbt");
  CHECK(!ocdbt::write_database(scratch.path(), {}, {}, {.uuid = {std::byte{9}}}, diags));
  check_found(diags, "R0809", "File exists");
  CHECK(read_file(scratch / "manifest.ocdbt") == before);
  CHECK(!ocdbt::write_database(scratch / "gone", {}, {}, {}, diags));
  CHECK(!fs::exists(scratch / "gone"));
}

TEST_CASE("a key longer than the format has room for is refused") {
  const Scratch scratch;
  Diagnostics diags;
  std::vector<ocdbt::NewEntry> entries;
  entries.push_back({std::string(65535, 'k'), std::span<const std::byte>()});
  REQUIRE(ocdbt::write_database(scratch.path(), entries, {}, {}, diags));
  CHECK(opened_database(scratch.path()).find(entries[0].key) != nullptr);
  entries[0].key += 'k';
  const Scratch other;
  CHECK(!ocdbt::write_database(other.path(), entries, {}, {}, diags));
  check_found(diags, "R0803", "65536 bytes, over the limit of 65535");
}

}  // namespace rulec::ocdbt_write_test
