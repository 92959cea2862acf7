// SPDX-License-Identifier: Apache-2.0
// Nodes with right checksums and wrong contents: what is said of each.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/codec/compression.h"
#include "engine/codec/crc32c.h"
#include "engine/ocdbt/envelope.h"
#include "tests/ocdbt_sample.h"
#include "tests/store_checks.h"

namespace rulec::ocdbt_bad_nodes_test {

using namespace testing;
using ocdbt::ByteWriter;

namespace {

struct Row {
  std::string_view name;
  Sample sample;
  std::string_view id;
  std::string_view words;
};

void check_refused(const Row& row) {
  INFO(std::string(row.name));
  const Scratch scratch;
  row.sample.write(scratch);
  Diagnostics diags;
  CHECK(!ocdbt::Database::open(scratch.path(), diags));
  check_found(diags, row.id, row.words);
}

Bytes encoded(const ocdbt::Node& node) {
  return ocdbt::encode_node(node);
}

// A leaf without files, from its number of entries on.
Bytes leaf(const std::function<void(ByteWriter&)>& rest) {
  return written([&](ByteWriter& out) {
    out.u8(0);
    out.varint(0);
    rest(out);
  });
}

// A leaf from its table of files on.
Bytes table(const std::function<void(ByteWriter&)>& rest) {
  return written([&](ByteWriter& out) {
    out.u8(0);
    rest(out);
  });
}

// Two keys, whose numbers and texts are as given, and empty values.
Bytes two_keys(std::uint64_t shared, std::uint64_t first, std::uint64_t second, std::string_view texts,
               std::string_view rest = {}) {
  return leaf([&](ByteWriter& out) {
    for (const std::uint64_t number : {std::uint64_t{2}, shared, first, second}) out.varint(number);
    out.text(texts);
    for (int i = 0; i < 4; ++i) out.u8(0);
    out.text(rest);
  });
}

// Two paths `ab` and one that shares `shared` bytes with it, of these bases.
Bytes two_paths(std::uint64_t shared, std::uint64_t base_before, std::uint64_t base) {
  return table([&](ByteWriter& out) {
    for (const std::uint64_t number : {std::uint64_t{2}, shared, std::uint64_t{2}, std::uint64_t{2}, base_before, base})
      out.varint(number);
    out.text("abcd");
    out.varint(1);
  });
}

Sample tree(const std::function<void(Sample&, ocdbt::Node&)>& fill, std::uint8_t height = 1) {
  Sample sample;
  ocdbt::Node root;
  root.height = height;
  root.files = {{"", "d/x"}};
  fill(sample, root);
  sample.root(sample.node(encoded(root)), height);
  return sample;
}

Sample node_at(const ocdbt::Extent& extent) {
  Sample sample(encoded(leaf_of({"a"})));
  sample.manifest.versions[0].root.node = extent;
  return sample;
}

Sample packed(const Bytes& frame) {
  Sample sample;
  const Bytes sealed = ocdbt::seal_envelope(frame, ocdbt::Magic::Node, std::nullopt);
  std::string bytes = as_text(sealed).substr(0, sealed.size() - 4);
  bytes[13] = 1;  // it says that it is a zstd frame
  const Bytes summed = as_bytes(bytes);
  bytes += as_text(written([&](ByteWriter& out) { out.u32le(crc32c(summed)); }));
  sample.data += bytes;
  sample.root({0, 10, bytes.size()});
  return sample;
}

Bytes all_but_one(Bytes bytes) {
  bytes.pop_back();
  return bytes;
}

// A frame with a window of 2 GiB: magic number, no content size, exponent 21 and mantissa 0.
const std::string LargeWindow("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);

}  // namespace

TEST_CASE("tables of files that contradict themselves are refused") {
  const Row rows[] = {
      {"a number of files that nothing can hold",
       Sample(table([](ByteWriter& out) { out.varint(std::uint64_t{1} << 40U); })), "R0820",
       "the number of data files is 1099511627776, too many for the 0 bytes that follow"},
      {"a path that shares more than there is", Sample(two_paths(3, 0, 0)), "R0820",
       "path 1 shares 3 bytes with the one before, which has 2"},
      {"a base longer than its path", Sample(two_paths(0, 0, 3)), "R0820", "path 1 has 2 bytes and a base of 3"},
      {"a path that shares more than the base and has another", Sample(two_paths(2, 1, 2)), "R0820", "another base"},
      {"a path that is too long", Sample(table([](ByteWriter& out) {
         for (const unsigned number : {2U, 65535U, 65535U, 1U, 0U, 0U}) out.varint(number);
         out.text(std::string(65536, 'x'));
       })),
       "R0820", "path 1 has 65536 bytes"},
      {"a length that does not fit", Sample(table([](ByteWriter& out) {
         for (const unsigned number : {1U, 65536U, 0U}) out.varint(number);
       })),
       "R0820", "the length of a path is 65536, expected 65535 or less"},
      {"a value in a file that is not in the table", Sample(leaf([](ByteWriter& out) {
         for (const unsigned number : {1U, 1U}) out.varint(number);
         out.text("k");
         for (const unsigned number : {1U, 1U, 0U, 0U}) out.varint(number);
       })),
       "R0820", "a range lies in data file 0 of 0"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("keys that contradict themselves are refused") {
  const Row rows[] = {
      {"none", Sample(leaf([](ByteWriter& out) { out.varint(0); })), "R0820", "it has no entries"},
      {"more than a node may have", Sample(leaf([](ByteWriter& out) { out.varint((1U << 20U) + 1); })), "R0820",
       "the number of entries is 1048577, expected 1048576 or less"},
      {"more than are there", Sample(leaf([](ByteWriter& out) { out.varint(1U << 20U); })), "R0820",
       "too many for the 0 bytes that follow"},
      {"in the wrong order", Sample(two_keys(0, 1, 1, "ba")), "R0820", "key `a` follows `b`"},
      {"in the wrong order, by unsigned bytes", Sample(two_keys(0, 1, 1, "\xff\x01")), "R0820", "follows"},
      {"twice", Sample(two_keys(1, 1, 0, "a")), "R0820", "key `a` follows `a`"},
      {"sharing more than there is", Sample(two_keys(2, 1, 1, "ab")), "R0820",
       "key 1 shares 2 bytes with the one before, which has 1"},
      {"too long", Sample(two_keys(65535, 65535, 1, std::string(65536, 'x'))), "R0820",
       "key 1 has 65536 bytes, expected 65535 or less"},
      {"cut off", Sample(two_keys(0, 1, 10, "abcd")), "R0820", "a key takes 10 bytes"},
      {"a number of eleven bytes",
       Sample(leaf([](ByteWriter& out) { out.text("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"); })), "R0820",
       "the number of entries does not fit into 64 bits"},
      {"bytes behind the end", Sample(two_keys(0, 1, 1, "ab", "x")), "R0820", "1 bytes follow its end"},
      {"a child's prefix longer than its key",
       Sample(written([](ByteWriter& out) {
                for (const unsigned number : {1U, 0U, 1U, 1U, 2U}) out.u8(static_cast<std::uint8_t>(number));
                out.text("k");
                for (int i = 0; i < 6; ++i) out.u8(0);
              }),
              1),
       "R0820", "key 0 has 1 bytes, and its child a prefix of 2"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("values that cannot be are refused") {
  const auto one_value = [](std::uint64_t length, std::uint8_t kind) {
    return Sample(leaf([&](ByteWriter& out) {
      for (const unsigned number : {1U, 1U}) out.varint(number);
      out.text("k");
      out.varint(length);
      out.u8(kind);
    }));
  };
  const Row rows[] = {
      {"of a kind that is none", one_value(0, 2), "R0820", "the kind of a value is 2, expected 0 or 1"},
      {"too long for a node", one_value((1U << 20U) + 1, 0), "R0820",
       "a value in the node has 1048577 bytes, expected 1048576 or less"},
      {"longer than the node", one_value(100, 0), "R0820", "a value takes 100 bytes, 0 are left"},
      {"of 2^63 bytes", one_value(std::uint64_t{1} << 63U, 0), "R0820", "expected 9223372036854775807 or less"},
      {"ending at 2^64", Sample(encoded(leaf_of({"", "d/x"}, ~std::uint64_t{0} - 4, 5))), "R0820", "ends beyond 2^63"},
      {"ending at 2^63", Sample(encoded(leaf_of({"", "d/x"}, (std::uint64_t{1} << 63U) - 5, 5))), "R0820",
       "ends beyond 2^63"},
      {"behind the end of its file", Sample(encoded(leaf_of({"", "d/x"}, 1'000'000, 5))), "R0820",
       "the value of `k` should have 5 bytes at 1000000, the file ends at"},
      {"ending behind the end of its file", Sample(encoded(leaf_of({"", "d/x"}, 5, 1'000'000))), "R0820",
       "the value of `k` should have 1000000 bytes at 5, the file ends at"},
      {"in a file that is not there", Sample(encoded(leaf_of({"", "d/gone"}, 0, 5))), "R0801", "d/gone"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("trees that are none are refused") {
  const Row rows[] = {
      {"a leaf where a node should be", Sample(encoded(leaf_of({"a"})), 1), "R0820", "its height is 0, expected 1"},
      {"a height that the root has not", Sample(encoded(leaf_of({"a"})), 255), "R0820",
       "its height is 0, expected 255"},
      {"a child of the wrong height",
       tree(
           [](Sample& sample, ocdbt::Node& root) { root.children = {{"", 0, {sample.node(encoded(leaf_of({"a"})))}}}; },
           2),
       "R0820", "its height is 0, expected 1"},
      {"a node that is its own child", tree([](Sample&, ocdbt::Node& root) {
         // The root follows the value, and its envelope takes 18 bytes.
         root.children = {{"", 0, {{0, 10, 0}}}};
         root.children[0].subtree.node.length = 18 + encoded(root).size();
       }),
       "R0820", "two nodes refer to the one at 10"},
      {"a leaf that two nodes refer to", tree([](Sample& sample, ocdbt::Node& root) {
         const ocdbt::Extent shared = sample.node(encoded(leaf_of({"x"})));
         root.children = {{"a", 1, {shared}}, {"b", 1, {shared}}};
       }),
       "R0820", "two nodes refer to the one at 10"},
      {"a child with keys of the one before", tree([](Sample& sample, ocdbt::Node& root) {
         root.children = {{"a", 0, {sample.node(encoded(leaf_of({"a", "c"})))}},
                          {"b", 0, {sample.node(encoded(leaf_of({"d"})))}}};
       }),
       "R0820", "its child `b` begins before its place in the tree"},
      {"a child with keys less than its own", tree([](Sample& sample, ocdbt::Node& root) {
         root.children = {{"b", 0, {sample.node(encoded(leaf_of({"a"})))}}};
       }),
       "R0820", "its key `a` is less than `b`"},
      {"a key too long with its prefix", tree([](Sample& sample, ocdbt::Node& root) {
         root.children = {{std::string(65535, 'a'), 65535, {sample.node(encoded(leaf_of({"a"})))}}};
       }),
       "R0820", "is too long"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("nodes that are not where they should be are refused") {
  const Row rows[] = {
      {"in the middle of another", node_at({0, 11, 24}), "R0820", "expected 0cdb20de"},
      {"of no bytes", node_at({0, 10, 0}), "R0820", "it has 0 bytes, expected 18 or more"},
      {"shorter than they say", node_at({0, 10, 20}), "R0820", "20 bytes are there"},
      {"behind the end of their file", node_at({0, 1000, 26}), "R0820",
       "it should have 26 bytes at 1000, the file ends"},
      {"longer than their file", node_at({0, 10, 1000}), "R0820", "it should have 1000 bytes at 10, the file ends"},
      {"larger than any", node_at({0, 10, std::uint64_t{1} << 40U}), "R0803", "a node in"},
      {"in a file that is not in the table", node_at({1, 10, 25}), "R0820", "a range lies in data file 1 of 1"},
      {"ending at 2^63", node_at({0, (std::uint64_t{1} << 63U) - 1, 1}), "R0820", "ends beyond 2^63"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("nodes that unpack to too much are refused") {
  const Bytes bomb(257U << 20U);
  const Row rows[] = {
      {"too many bytes", packed(encode_zstd(bomb, 1)), "R0803", "unpacks to more than 268435456 bytes"},
      {"a window too large", packed(as_bytes(LargeWindow)), "R0803", "window"},
      {"no frame", packed(as_bytes("no frame")), "R0820", "no zstd frame begins"},
      {"half a frame", packed(all_but_one(encode_zstd(Bytes(100), 1))), "R0820", "cut off"},
      // A million keys that each repeat 65,000 bytes of the one before.
      {"keys that repeat each other", Sample(leaf([](ByteWriter& out) {
         const std::uint64_t count = 1U << 20U;
         out.varint(count);
         for (std::uint64_t i = 1; i < count; ++i) out.varint(65'000);
         out.varint(65'000);
         for (std::uint64_t i = 1; i < count; ++i) out.varint(4);
         out.text(std::string(65'000, 'a'));
         for (std::uint64_t i = 1; i < count; ++i) {
           for (const unsigned shift : {24U, 16U, 8U, 0U}) out.u8(static_cast<std::uint8_t>(i >> shift));
         }
         for (std::uint64_t i = 0; i < 2 * count; ++i) out.u8(0);
       })),
       "R0803", "need more memory, over the limit of 1073741824 bytes"},
      // The same by the prefix that a child leaves out.
      {"keys that repeat their prefix", tree([](Sample& sample, ocdbt::Node& root) {
         std::vector<std::string> keys;
         for (int i = 0; i < 20'000; ++i) keys.push_back(std::to_string(100'000 + i));
         root.children = {{std::string(65'000, 'a'), 65'000, {sample.node(encoded(leaf_of(keys)))}}};
       }),
       "R0803", "need more memory"},
  };
  for (const Row& row : rows) check_refused(row);
}

}  // namespace rulec::ocdbt_bad_nodes_test
