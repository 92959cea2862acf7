// SPDX-License-Identifier: Apache-2.0
// The texts of `_METADATA` and `_CHECKPOINT_METADATA`, to the byte as Orbax 0.12 writes them through Python's
// `json.dumps`. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rulec::orbax {

/// A leaf of a tree of dictionaries.
struct WrittenLeaf {
  std::vector<std::string> keys;  ///< from the root down, UTF-8
  std::string_view value_type;    ///< `np.ndarray`, `scalar`; of an empty node `Dict`
  bool has_data = true;           ///< an array is stored for it; an empty node has none

  bool operator==(const WrittenLeaf&) const = default;
};

/// How the arrays of a tree are stored.
struct TreeForm {
  bool is_database = true;  ///< OCDBT, else a folder an array
  bool is_zarr3 = true;
};

/// `_METADATA` of an item with these leaves, in their order. Every chunk is stored, full of zeros or not.
std::string tree_text(std::span<const WrittenLeaf> leaves, const TreeForm& form);

/// When a checkpoint was begun and finished, in nanoseconds since 1970.
struct Times {
  std::int64_t begun = 0;
  std::int64_t committed = 0;
};

/// `_CHECKPOINT_METADATA` of a step whose one item is a tree. The handler is the one that MaxText 0.2.5 names.
std::string checkpoint_text(std::string_view item, const std::map<std::string, bool>& custom_metadata,
                            const Times& times);

/// The keys as Python prints a tuple of strings: `('params', "it's")`, `('step',)`.
///
/// Of the characters outside of ASCII that Python escapes because they cannot be printed, those up to U+00FF are
/// escaped here too; rarer ones stay as they are. Readers take the text for a label and nothing more.
std::string python_tuple(std::span<const std::string> keys);

}  // namespace rulec::orbax
