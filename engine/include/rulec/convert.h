// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/pack.h>
#include <rulec/store.h>

namespace rulec {

/// What to do where the source holds something that the target has no place for.
enum class Policy : std::uint8_t {
  Stop,  ///< report it and write nothing
  Drop,  ///< go on without it
};

/// How faithful a tensor's way is, from the proofs of `check`.
enum class TensorClass : std::uint8_t { Exact, Stable, Lossy, OneWay };
std::string_view to_string(TensorClass c);

struct Progress {
  std::uint64_t bytes_done = 0;  ///< of the target, and of a scratch file before
  std::uint64_t bytes_total = 0;
  std::string_view tensor;          ///< that was written to last; valid during the call
  std::uint64_t bytes_resumed = 0;  ///< of those done, by a run before this one
};

/// A share of a conversion.
struct Part {
  int number = 1;  ///< from 1 to `of`
  int of = 1;
};

/// Where a part keeps its journal beside those of the others: `JOURNAL.1-of-4`.
std::filesystem::path journal_of(const std::filesystem::path& journal, const Part& part);

struct ConvertOptions {
  /// The stored type of floating tensors, unless a `cast` in a rule fixes it. Nothing: what arrives.
  std::optional<DType> dtype;
  bool cast_first = false;        ///< convert on reading, before the hooks, as MaxText does
  std::vector<std::string> only;  ///< globs on target names; none: everything
  bool may_leave_out = false;     ///< what only rules of the other way name stays unwritten, and is no R0616
  Policy pad_policy = Policy::Stop;
  Policy constant_policy = Policy::Stop;
  Policy alias_policy = Policy::Stop;
  /// Plan and report, with the bytes that would be read and written; read no data, write nothing.
  bool dry_run = false;
  /// Of tensors at a time. At least 64 MiB; nothing: 1 GiB, or a quarter of what the process may use if that is less.
  std::optional<std::uint64_t> memory_bytes;
  /// A file, in the folder that is written, in which is noted what of the target is on the disk. Empty: none. With one,
  /// what was written stays when the conversion fails, so that another can go on; it is to be removed when the
  /// conversion is done. Of what is not in files nothing is noted.
  std::filesystem::path journal;
  /// Goes on where a conversion of the same source, rules and options was killed or has failed, as `journal` says; the
  /// target's folder is as it was left. Errors: R0845, R0846. Warnings: R0847.
  bool is_resumed = false;
  /// A file to make, for what each thread did when, in the Trace Event Format that browsers show. Empty: none.
  std::filesystem::path trace;
  int threads = 0;  ///< that compute; 0: one for each core that the process may use
  /// Does one share of several, of about equally many bytes. Each is a call of its own, in whatever process and on
  /// whatever machine, with the same source, rules, options and `memory_bytes`, and a target and a `journal` in the
  /// same folder. The call that finds all others done completes the target. Errors: R0848.
  std::optional<Part> part;
  /// What `ConversionPlan::fingerprint` was: if it is not so any more, nothing is done. Empty: whatever it is. Errors:
  /// R0849.
  std::string fingerprint;
  /// Called by `convert` when more was written, one call at a time, in the thread that called `convert`. What it throws
  /// ends the conversion: R0905.
  std::function<void(const Progress&)> on_progress;
};

struct TensorReport {
  TensorInfo tensor;
  TensorClass fidelity = TensorClass::Exact;
  std::vector<std::string> sources;  ///< names, as many as 4
  std::size_t source_count = 0;
};

struct Report {
  std::vector<TensorReport> tensors;  ///< written, by name
  std::vector<TensorInfo> ignored;    ///< of the source, that the pack says have no partner
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_reflinked = 0;    ///< of those written: they share the disk's blocks with the source
  std::uint64_t bytes_scratch = 0;      ///< written beside those, and read again, for tensors made in two passes
  std::uint64_t dropped_pad_rows = 0;   ///< rows of padding that held numbers, which a policy let go
  std::uint64_t dropped_constants = 0;  ///< tensors that were not full of their constant, likewise
  std::uint64_t dropped_aliases = 0;    ///< tensors that were not the copy that the rules make of another, likewise
  std::vector<int> open_parts;          ///< that others have yet to do; the target is complete when there are none
};

/// How one tensor will be made.
struct PlannedTensor {
  TensorInfo tensor;
  std::string strategy;          ///< streamed, whole, gathered, scattered, together, batched, two-pass
  std::size_t parts = 0;         ///< that it is made in
  std::size_t loads = 0;         ///< ranges that are read for them
  std::uint64_t part_bytes = 0;  ///< of the largest part
  std::uint64_t read_run = 0;    ///< bytes of the shortest range that is read at once
  std::uint64_t write_run = 0;   ///< likewise written
};

/// What a conversion will do, before the first byte moves.
struct ConversionPlan {
  std::vector<PlannedTensor> tensors;  ///< by name
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t scratch_bytes = 0;  ///< of a file that is written and read in between, for tensors made in two passes
  std::uint64_t needed_bytes = 0;   ///< of memory, without which it does not get through
  std::uint64_t memory_bytes = 0;   ///< that it may use
  /// Differs if anything does: the source's files, the rules, the options, the memory, rulec. Empty where the source or
  /// the target is not in files.
  std::string fingerprint;
};

/// The plan of `convert` with the same arguments. `target` decides where everything would lie, and writes nothing; it
/// is of no use afterwards. Errors: those of `convert` that are found before data is read.
Result<ConversionPlan> plan_conversion(const Model& model, std::string_view to, const TensorStore& source,
                                       TensorSink& target, const ConvertOptions& options, Diagnostics& diags);

/// Writes to `target` every tensor of side `to` that the model's rules make of `source`, and commits it. At most
/// `memory_bytes` of tensors are in memory at a time, and the target's bytes do not depend on it, nor on `threads`. On
/// an error nothing is committed.
///
/// What only gets another name, from files of safetensors to others, is not copied where both lie in one file system
/// that can share blocks (reflinks: XFS, btrfs). For that, a file of which all tensors do lies in the order of the
/// source, with up to 4 KiB of blanks behind its header; on every file system, so that its bytes are the same.
///
/// A tensor that memory does not hold, and that lies along another axis in the target, is made in two passes where that
/// is faster: it is written once more, to a scratch file beside the target's, in chunks from which long ranges can be
/// read along that axis. The file is gone when the conversion is over.
///
/// Shapes and orders are the pack's: `[D N H]` is row-major, last axis fastest. Casts round to nearest even (IEEE
/// 754-2019, 4.3.1). `source` is read from several threads at once; `target` is written to from any thread, by one at a
/// time if it is the caller's own.
///
/// Errors: R0306, R0504, R0601, R0604, R0605, R0609, R0610, R0616, and the stores'. Each names the tensor. R0905 for
/// what the stores or `on_progress` throw, R0906 where memory runs out, R0907 where more is needed than is allowed.
Result<Report> convert(const Model& model, std::string_view to, const TensorStore& source, TensorSink& target,
                       const ConvertOptions& options, Diagnostics& diags);

}  // namespace rulec
