// SPDX-License-Identifier: Apache-2.0
// Runs a graph: source tensors in, target tensors out, by a plan.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/plan/plan.h"
#include "engine/store/resumable.h"

#include <rulec/convert.h>
#include <rulec/diagnostics.h>
#include <rulec/store.h>

namespace rulec {

struct RunOptions {
  Policy pad_policy = Policy::Stop;
  Policy constant_policy = Policy::Stop;
  Policy alias_policy = Policy::Stop;
  PlanOptions plan;
  int threads = 0;                ///< that compute; 0: as many as the process may use
  std::filesystem::path journal;  ///< where to note what is done; empty: nowhere
  bool is_resumed = false;        ///< go on as the journal says
  std::optional<Part> part;       ///< this share of the plan; all, if none
  std::string fingerprint;        ///< that the plan must have; empty: any
  std::filesystem::path trace;    ///< a file for what each thread did when; empty: none
  std::filesystem::path scratch;  ///< the folder of a first pass's file, if there is one; empty: that of the target's
  std::function<void(const Progress&)> on_progress;
};

/// A tensor that was written, and what it was made of.
struct WrittenTensor {
  TensorInfo info;
  std::vector<std::string> sources;  ///< names, sorted
  std::size_t family = 0;            ///< the first that names it
};

struct RunReport {
  std::vector<WrittenTensor> tensors;  ///< by name
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_reflinked = 0;    ///< of those written: they share the blocks of the source
  std::uint64_t bytes_scratch = 0;      ///< written beside these by a first pass
  std::uint64_t dropped_pad_rows = 0;   ///< rows of padding that held numbers
  std::uint64_t dropped_constants = 0;  ///< tensors that were not full of their constant
  std::uint64_t dropped_aliases = 0;    ///< tensors that were not the copy that the rules make of another
  std::vector<int> open_parts;          ///< that are not done yet; the target is committed when there are none
};

/// What a run works on, and what its stores offer beside the public interface, or null. All is borrowed.
struct RunStores {
  const TensorStore* source = nullptr;
  const ChunkedStore* source_chunks = nullptr;
  TensorSink* target = nullptr;
  ChunkedSink* target_chunks = nullptr;
  ResumableSink* target_files = nullptr;  ///< the same, if it is of files
};

/// The stores as they are, with what they offer.
RunStores stores_of(const TensorStore& source, TensorSink& target);

/// What `run` would do: nothing is read or written, but the target has decided where all would lie. Errors: R0907 and
/// those of the target.
Result<ConversionPlan> plan_run(Graph graph, const RunStores& stores, const RunOptions& options, Diagnostics& diags);

/// Makes `targets` of `sources`, which the source has, writes them, and commits the target. What was read and written
/// is added to the report. Errors: R0907 and those of the stores; nothing is committed then.
Status run_targets(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores,
                   const RunOptions& options, RunReport& report, Diagnostics& diags);

/// Writes every target of `graph`, which was built from `pack` and the catalogue of the source, and commits the target.
/// The bytes are those of `evaluate`, whatever the plan, the memory and the threads.
///
/// What the target has no place for is looked at first: padding of the source must be zero, constants must hold, and
/// the copy that a one-way rule makes of another tensor must be one, if the source has it. Where a policy says `Drop`,
/// the report counts instead.
///
/// Errors: R0604, R0605, R0609, R0845, R0846, R0848, R0849, R0907 and those of the stores; nothing is committed then.
Result<RunReport> run(const Pack& pack, const Graph& graph, const RunStores& stores, const RunOptions& options,
                      Diagnostics& diags);

}  // namespace rulec
