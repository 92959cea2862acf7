// SPDX-License-Identifier: Apache-2.0
// Small checkpoints of Orbax that a test makes by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/store/orbax/tree.h"
#include "tests/scratch.h"

#include <rulec/store.h>

namespace rulec::testing {

/// A leaf by its keys, `a/b/0`; those that are decimal are positions in lists.
struct NewLeaf {
  std::string keys;
  std::string value_type = "np.ndarray";
  bool is_skipped = false;
};

std::vector<orbax::Key> keys_of(std::string_view keys);

/// `_METADATA` of these leaves; `rest` is what follows the tree in the document, with a comma before it.
std::string orbax_tree_text(const std::vector<NewLeaf>& leaves, std::string_view rest = "");

/// A zarr 2 array of a dtype as zarr spells it, one axis, one raw chunk.
void write_zarr2(const Scratch& scratch, const std::string& folder, std::string_view dtype, std::size_t element_bytes,
                 std::string_view bytes);

/// A whole item of arrays in folders: two F32 each, the bytes of which are those of its position. Returns its folder.
std::filesystem::path write_orbax(const Scratch& scratch, const std::string& item, const std::vector<NewLeaf>& leaves,
                                  std::string_view rest = "");

/// CRC-32C over names, types, shapes and bytes of all tensors, in the order of the catalogue.
std::uint32_t digest(const TensorStore& store);

}  // namespace rulec::testing
