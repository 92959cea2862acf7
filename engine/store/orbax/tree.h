// SPDX-License-Identifier: Apache-2.0
// `_METADATA`, which says what a checkpoint of Orbax has: the leaves of a tree of Python containers
// (https://orbax.readthedocs.io, checkpoint format). Pure functions from the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::orbax {

/// The file whose presence says that its folder is a tree.
constexpr std::string_view TreeName = "_METADATA";

/// A step from a container to what is in it.
struct Key {
  std::string text;
  bool is_position = false;  ///< in a list or tuple (`key_type` 1); else a name or key of a dict (2)

  bool operator==(const Key&) const = default;
};

struct Leaf {
  enum class Kind : std::uint8_t {
    Array,  ///< jax.Array, np.ndarray, scalar: a zarr array
    Text,   ///< string: in a file of its own, `_strings.json`
    Empty,  ///< None and empty containers: nothing is stored
    Other,  ///< of a kind that rulec does not know, or stored in the file `checkpoint` of old checkpoints
  };

  std::vector<Key> path;
  std::string value_type;  ///< as written
  Kind kind = Kind::Array;
  std::uint64_t place = 0;  ///< where it stands in the text, in bytes
};

/// Fields that a generation of Orbax did not write yet are nothing.
struct Tree {
  std::vector<Leaf> leaves;  ///< in the order of the file, their names unique
  std::optional<bool> use_ocdbt;
  std::optional<bool> use_zarr3;
  std::optional<bool> stores_fill_values;  ///< `store_array_data_equal_to_fill_value`
  std::string custom_metadata;             ///< JSON as it stands there; empty if absent or null
};

/// What the array of a leaf is called: the keys joined with `.`, nothing escaped.
std::string array_name(const std::vector<Key>& path);

/// Reads the text of `_METADATA`; `path` is its name in messages. Members that are not known are passed over, as Orbax
/// does; one that stands twice in an object is refused, two leaves of one name too: Orbax stores both under one key.
/// Errors: R0840, R0803.
Result<Tree> parse_tree(std::string_view text, const std::string& path, Diagnostics& diags);

}  // namespace rulec::orbax
