// SPDX-License-Identifier: Apache-2.0
#include "tests/orbax_files.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/codec/crc32c.h"

namespace rulec::testing {

std::vector<orbax::Key> keys_of(std::string_view keys) {
  std::vector<orbax::Key> path;
  while (!keys.empty()) {
    const std::string_view key = keys.substr(0, keys.find('/'));
    const bool is_position = key.find_first_not_of("0123456789") == std::string_view::npos;
    path.push_back({std::string(key), is_position});
    keys.remove_prefix(std::min(keys.size(), key.size() + 1));
  }
  return path;
}

std::string orbax_tree_text(const std::vector<NewLeaf>& leaves, std::string_view rest) {
  std::string members;
  for (const NewLeaf& leaf : leaves) {
    std::string keys;
    for (const orbax::Key& key : keys_of(leaf.keys)) {
      keys += fmt::format(R"({}{{"key": "{}", "key_type": {}}})", keys.empty() ? "" : ", ", key.text,
                          key.is_position ? 1 : 2);
    }
    members += fmt::format(
        R"({}"{}": {{"key_metadata": [{}], "value_metadata": {{"value_type": "{}", "skip_deserialize": {}}}}})",
        members.empty() ? "" : ", ", leaf.keys, keys, leaf.value_type, leaf.is_skipped);
  }
  return fmt::format(R"({{"tree_metadata": {{{}}}{}}})", members, rest);
}

void write_zarr2(const Scratch& scratch, const std::string& folder, std::string_view dtype, std::size_t element_bytes,
                 std::string_view bytes) {
  const std::size_t length = bytes.size() / element_bytes;
  scratch.write(folder + "/.zarray",
                fmt::format(R"({{"chunks":[{0}],"compressor":null,"dimension_separator":".","dtype":"{1}",)"
                            R"("fill_value":null,"filters":null,"order":"C","shape":[{0}],"zarr_format":2}})",
                            length, dtype));
  scratch.write(folder + "/0", bytes);
}

std::filesystem::path write_orbax(const Scratch& scratch, const std::string& item, const std::vector<NewLeaf>& leaves,
                                  std::string_view rest) {
  scratch.write(item + "/_METADATA", orbax_tree_text(leaves, rest));
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].is_skipped || leaves[i].value_type == "string") continue;
    const std::string folder = item + "/" + orbax::array_name(keys_of(leaves[i].keys));
    write_zarr2(scratch, folder, "<f4", 4, std::string(8, static_cast<char>(i)));
  }
  return scratch / item;
}

std::uint32_t digest(const TensorStore& store) {
  std::uint32_t crc = 0;
  Diagnostics diags;
  for (std::size_t i = 0; i < store.tensors().size(); ++i) {
    const TensorInfo& t = store.tensors()[i];
    const std::string head = fmt::format("{} {} {}\n", t.name, name(t.dtype), to_string(t.shape));
    crc = crc32c(std::as_bytes(std::span(head)), crc);
    std::vector<std::byte> bytes(t.bytes());
    CHECK_MESSAGE(store.read(i, 0, bytes, diags), render_text(diags));
    crc = crc32c(bytes, crc);
  }
  return crc;
}

}  // namespace rulec::testing
