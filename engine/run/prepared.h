// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/pieces.h"
#include "engine/plan/plan.h"
#include "engine/run/run.h"
#include "engine/store/chunk_access.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// What a run and a look at its plan need: neither reads nor writes.
struct Prepared {
  Prepared(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores);
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  std::vector<TargetMaps> maps;
  std::vector<TensorInfo> infos;
  ChunkReader reader;
  ChunkWriter writer;
  PlanInput input;                               // of all of these
  std::vector<std::optional<StoredAt>> origins;  // of the targets, in files of the source; none: nobody can use them
  Plan plan;
};

/// Has the target decide where everything will lie, and plans. Borrows `targets` and `sources`. Errors: R0907 and those
/// of the target.
Result<std::unique_ptr<Prepared>> prepare(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources,
                                          const RunStores& stores, const RunOptions& options, Diagnostics& diags);

/// The fingerprint of what would be done; empty where nobody can tell it from something else.
std::string fingerprint_of(const Prepared& made, const RunStores& stores);

}  // namespace rulec
