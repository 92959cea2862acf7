// SPDX-License-Identifier: Apache-2.0
// What a checkpoint of Orbax is, in words for people.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/store/orbax/locate.h"
#include "engine/store/orbax/maxtext_names.h"
#include "engine/store/orbax/step_metadata.h"
#include "engine/store/orbax/tree.h"
#include "engine/zarr/array.h"

namespace rulec::orbax {

/// An array that is a tensor of the store, by its leaf.
struct LeafArray {
  std::size_t leaf = 0;
  zarr::Array array;
};

/// All that is known of an opened checkpoint. Borrows.
struct Content {
  const Location& place;
  const Tree& tree;
  const StepMetadata& step;
  const MaxTextNames& names;
  std::span<const LeafArray> arrays;
  bool has_database;
};

/// `step` = `20 (also there: 10)` and so on; what there is nothing to say of is left out.
std::vector<std::pair<std::string, std::string>> facts_of(const Content& content);

/// How an array is stored: `16 chunks of [128 2], zstd`.
std::string layout_text(const zarr::Array& array);

}  // namespace rulec::orbax
