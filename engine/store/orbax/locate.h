// SPDX-License-Identifier: Apache-2.0
// Where in a folder of Orbax the tree is: a run has steps, a step has items, and one of the items is the tree
// (https://orbax.readthedocs.io, checkpoint format).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::orbax {

struct Location {
  std::filesystem::path item;         ///< the folder of the tree
  std::filesystem::path step_folder;  ///< the folder whose metadata hold for it; `item` itself where there is one only
  std::string item_name;              ///< `items`; empty if step and item are one
  std::string step;                   ///< `20`, as the folder is named; empty if there are no steps
  std::vector<std::string> other_steps;  ///< finished ones, the newest first
  std::vector<std::string> other_items;  ///< with trees of their own, sorted
};

/// Whether a folder has files that only Orbax, OCDBT or zarr makes.
bool has_marks(const std::filesystem::path& folder);

/// Whether it has sub-folders that look like steps or items: for a folder in which nothing else was found.
bool has_folders(const std::filesystem::path& folder);

/// The number at the end of the name of a step: `7`, `ckpt_00000007`; else nothing.
std::optional<std::uint64_t> step_number(std::string_view folder_name);

/// Finds the tree from a folder of any level: an item (it has `_METADATA`), a step, a folder of the V1 API, a run with
/// its steps, or one with `checkpoints` in it, as MaxText has. No link below `folder` may lead out of it.
///
/// Of several steps the one with the highest number that is finished is taken: its name is no temporary one, an item of
/// it has `_METADATA`, and the databases of its processes are merged. Newer ones that are not are warned of. Of several
/// trees in a step the one called `items`, `default`, `state`, `params` or `model_params` is taken, in this order.
///
/// Errors: R0840, R0841, R0801, R0806; warnings: R0842.
Result<Location> locate(const std::filesystem::path& folder, Diagnostics& diags);

}  // namespace rulec::orbax
