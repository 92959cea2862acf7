// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "engine/ocdbt/data_files.h"
#include "engine/ocdbt/database.h"
#include "engine/ocdbt/manifest.h"

namespace rulec::ocdbt {

/// A tree as it is taken into memory.
struct ReadTree {
  std::vector<Entry> entries;
  std::vector<std::byte> inline_values;
};

/// All keys under the root of `version`, whose file is in the table `files`. The files are opened in `data_files`.
///
/// Heights fall by one from node to node, so that no way down is longer than 256 nodes; no node is reached twice; and
/// no key is outside of the range that the nodes above say. Errors: R0801, R0803, R0806, R0817, R0820.
Result<ReadTree> read_tree(const Version& version, const std::vector<DataFile>& files, DataFiles& data_files,
                           Diagnostics& diags);

}  // namespace rulec::ocdbt
