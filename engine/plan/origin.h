// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "engine/graph/pieces.h"
#include "engine/store/chunk_access.h"

namespace rulec {

/// Where in a file of the source all bytes of a target lie one behind the other, as the target has them; nothing if
/// something is moved or changed. `sources` are the graph's.
std::optional<StoredAt> origin_of(const TargetTensor& target, std::span<const TensorInfo> sources,
                                  const ChunkReader& reader);

}  // namespace rulec
