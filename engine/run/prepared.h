// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/pieces.h"
#include "engine/plan/plan.h"
#include "engine/plan/recut.h"
#include "engine/run/run.h"
#include "engine/store/chunk_access.h"
#include "engine/store/scratch_file.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

struct FirstPass;

/// What a run and a look at its plan need: preparing it neither reads nor writes.
struct Prepared {
  Prepared(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores);
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared();

  std::vector<TargetMaps> maps;
  std::vector<TensorInfo> infos;
  ChunkReader reader;  // of what is read in the end
  ChunkWriter writer;
  PlanInput input;                               // of all of these
  std::vector<std::optional<StoredAt>> origins;  // of the targets, in files of the source; none: nobody can use them
  Plan plan;
  std::unique_ptr<FirstPass> first;  // where a first pass cuts sources anew; else null
};

/// Moves sources into a scratch file, from which the second pass reads them.
struct FirstPass {
  /// `recuts` are of `all`, the sources of the run. Borrows what is in `stores`.
  FirstPass(const std::vector<Recut>& recuts, std::span<const TensorInfo> all, const RunStores& stores);

  std::vector<std::size_t> numbers;   // of the sources that are cut anew, among all
  std::vector<TensorInfo> sources;    // what these are
  std::vector<TargetTensor> targets;  // the same, as they are
  ScratchFile scratch;
  RecutStore store;  // what the second pass reads
  RunStores stores;
  Prepared made;
};

/// Has the target decide where everything will lie, and plans. Borrows `targets` and `sources`. Errors: R0907 and those
/// of the target.
Result<std::unique_ptr<Prepared>> prepare(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources,
                                          const RunStores& stores, const RunOptions& options, Diagnostics& diags);

/// The fingerprint of what would be done; empty where nobody can tell it from something else.
std::string fingerprint_of(const Prepared& made, const RunStores& stores);

}  // namespace rulec
