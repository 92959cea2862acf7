// SPDX-License-Identifier: Apache-2.0
// What TensorStore wrote, decoded and encoded again, is the same byte by byte.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/ocdbt/byte_reader.h"
#include "engine/ocdbt/envelope.h"
#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::ocdbt_format_test {

using namespace testing;

namespace {

std::set<std::uint64_t> used_files(const ocdbt::Node& node) {
  std::set<std::uint64_t> used;
  for (const ocdbt::LeafEntry& entry : node.entries) {
    if (const auto* extent = std::get_if<ocdbt::Extent>(&entry.value)) used.insert(extent->file);
  }
  for (const ocdbt::Child& child : node.children) used.insert(child.subtree.node.file);
  return used;
}

struct Number {
  std::string_view bytes;
  std::uint64_t value;
};

// Reads one number of these bytes, all of them.
Result<std::uint64_t> number(std::string_view bytes, std::uint64_t max, Diagnostics& diags) {
  const Bytes body = as_bytes(bytes);
  const ocdbt::Origin origin{"x", 0, "node"};
  ocdbt::Budget budget;
  ocdbt::ByteReader reader(body, origin, budget, diags);
  const std::uint64_t value = reader.varint("the number", max);
  if (!reader.finish()) return diags.failed();
  return value;
}

}  // namespace

TEST_CASE("every manifest of TensorStore is encoded as it was") {
  std::size_t count = 0;
  for (const std::filesystem::path& path : manifests_below(orbax_data(""))) {
    INFO(path.string());
    const ocdbt::Manifest manifest = manifest_at(path);
    CHECK(ocdbt::encode_manifest(manifest) == manifest_body(path));
    ++count;
  }
  CHECK(count >= 15);
}

TEST_CASE("every node of TensorStore is encoded as it was") {
  std::size_t leaves = 0;
  std::size_t others = 0;
  for (const NodeBody& found : nodes_below(orbax_data(""))) {
    INFO(found.file.string(), " at ", found.offset);
    Diagnostics diags;
    ocdbt::Budget budget;
    const Result<ocdbt::Node> node =
        ocdbt::decode_node(found.body, {found.file.string(), found.offset, "node"}, budget, diags);
    REQUIRE_MESSAGE(node, render_text(diags));
    CHECK(ocdbt::encode_node(*node) == found.body);
    CHECK(used_files(*node).size() == node->files.size());
    CHECK(std::ranges::is_sorted(node->files));
    ++(node->height == 0 ? leaves : others);
  }
  CHECK(leaves >= 300);
  CHECK(others >= 50);
}

TEST_CASE("envelopes open to what was sealed") {
  for (const std::size_t size : {0U, 1U, 1000U, 300'000U}) {
    const Bytes body(size, std::byte{7});
    for (const ocdbt::Compression compression : {ocdbt::Compression(), ocdbt::Compression(0), ocdbt::Compression(9)}) {
      Diagnostics diags;
      const Bytes sealed = ocdbt::seal_envelope(body, ocdbt::Magic::Node, compression);
      const Result<Bytes> opened = ocdbt::open_envelope(sealed, ocdbt::Magic::Node, {"x", 0, "node"}, diags);
      REQUIRE_MESSAGE(opened, render_text(diags));
      CHECK(*opened == body);
      CHECK(!ocdbt::open_envelope(sealed, ocdbt::Magic::Manifest, {"x", 0, "manifest"}, diags));
      check_found(diags, "R0820", "it begins with 0cdb20de, expected 0cdb3a2a");
    }
  }
}

TEST_CASE("numbers of up to ten bytes are read, the shortest form or not") {
  constexpr std::uint64_t Any = ~std::uint64_t{0};
  const Number good[] = {{std::string_view("\0", 1), 0},
                         {"\x7f", 127},
                         {"\x80\x08", 1024},
                         {std::string_view("\x82\0", 2), 2},
                         {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Any}};
  for (const Number& row : good) {
    Diagnostics diags;
    const Result<std::uint64_t> value = number(row.bytes, Any, diags);
    REQUIRE_MESSAGE(value, render_text(diags));
    CHECK(*value == row.value);
  }
  struct Bad {
    std::string_view bytes;
    std::uint64_t max;
    std::string_view words;
  };
  const Bad bad[] = {{"", Any, "the number takes 1 bytes, 0 are left"},
                     {"\x80", Any, "the number takes 1 bytes, 0 are left"},
                     {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", Any, "does not fit into 64 bits"},
                     {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", Any, "does not fit into 64 bits"},
                     {"\x80\x08", 1023, "the number is 1024, expected 1023 or less"},
                     {"\x01\x01", Any, "1 bytes follow its end"}};
  for (const Bad& row : bad) {
    Diagnostics diags;
    CHECK(!number(row.bytes, row.max, diags));
    check_found(diags, "R0820", row.words);
  }
}

}  // namespace rulec::ocdbt_format_test
