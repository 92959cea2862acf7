// SPDX-License-Identifier: Apache-2.0
#include "engine/verification.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

#include "engine/caller.h"
#include "engine/compare/allowances.h"
#include "engine/compare/comparing_sink.h"
#include "engine/compare/sides.h"
#include "engine/graph/pieces.h"
#include "engine/run/limits.h"
#include "engine/run/run.h"
#include "engine/tensor/name_sets.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// How the memory that is allowed is shared out.
struct Shares {
  std::uint64_t run = 0;
  std::uint64_t reading_b = 0;
  int threads = 1;
};

Result<Shares> shares_of(const TensorStore& b, const VerifyOptions& options, Diagnostics& diags) {
  const std::uint64_t all = options.memory_bytes.value_or(default_memory_bytes());
  const int threads = options.threads > 0 ? options.threads : usable_cores();
  const std::uint64_t needed = ComparingSink::needed_bytes(b, dynamic_cast<const ChunkedStore*>(&b));
  if (needed >= all) return report(diags, {}, diag::OverBudget, b.where(), needed, all);
  // Work is done by twice as many threads, of which half wait for the disk.
  const std::uint64_t wanted = needed * (2 * static_cast<std::uint64_t>(threads) + 1);
  const std::uint64_t reading = std::clamp(wanted, needed, std::max(needed, all / 4));
  return Shares{all - reading, reading, threads};
}

TensorVerdict only_in(const TensorInfo& info, Difference which) {
  TensorVerdict verdict;
  verdict.name = info.name;
  verdict.difference = which;
  verdict.dtype = info.dtype;
  verdict.shape = info.shape;
  return verdict;
}

/// What of B nothing was held against.
void add_rest_of(const TensorStore& b, const Pack* pack, std::optional<SideId> side,
                 const std::vector<std::string>& only, Verification& into) {
  std::set<std::string_view> known;
  for (const TensorVerdict& verdict : into.tensors) known.insert(verdict.name);
  std::vector<TensorVerdict> rest;
  for (const TensorInfo& info : b.tensors()) {
    if (known.contains(info.name) || !is_wanted(info.name, only)) continue;
    if (pack != nullptr && side && pack->ignores(*side, info.name)) continue;
    rest.push_back(only_in(info, Difference::OnlyB));
  }
  std::ranges::move(rest, std::back_inserter(into.tensors));
  std::ranges::sort(into.tensors, {}, &TensorVerdict::name);
}

/// B against what the rules make of A.
Result<Verification> compare_converted(const TensorStore& a, const TensorStore& b, const Model& model, SideId to,
                                       const VerifyOptions& options, Diagnostics& diags) {
  const Result<Shares> shares = shares_of(b, options, diags);
  if (!shares) return diags.failed();
  ConvertOptions how;
  how.dtype = options.dtype ? options.dtype : usual_float(b);
  how.cast_first = options.cast_first;
  how.only = options.only;
  how.pad_policy = how.constant_policy = how.alias_policy = Policy::Drop;
  how.memory_bytes = shares->run;
  how.threads = shares->threads;
  how.on_progress = options.on_progress;
  const std::optional<DType> between = usual_float(a) == usual_float(b) ? std::nullopt : usual_float(a);
  Allowances allowances(model.pack(), to, between, diags);
  const CallerStore caller_b(b);
  ComparingSink sink(caller_b, dynamic_cast<const ChunkedStore*>(&b), allowances, shares->reading_b);
  const Result<Report> made = convert(model, model.sides()[number(to)], a, sink, how, diags);
  if (!made) return diags.failed();
  Verification result{sink.verdicts(), made->bytes_written, made->dropped_pad_rows, made->dropped_constants,
                      made->dropped_aliases};
  add_rest_of(b, &model.pack(), to, options.only, result);
  return result;
}

/// A tensor that is what it was.
TargetTensor copy_of(const TensorInfo& info, std::size_t source) {
  CopyPiece piece;
  piece.source = source;
  piece.copy = {{{*cells(info.shape), 1, 1}}, 0, 0};
  piece.types = {info.dtype, info.dtype, info.dtype};
  return {info, {std::move(piece)}, {}};
}

/// Packed elements are no cells that could be moved: their bytes are read in order.
Status compare_packed(const TensorStore& a, std::span<const TensorInfo> all, ComparingSink& sink, Diagnostics& diags) {
  constexpr std::uint64_t WindowBytes = std::uint64_t{4} << 20U;
  std::vector<std::byte> window;
  for (std::size_t t = 0; t < all.size(); ++t) {
    if (bits(all[t].dtype) >= 8) continue;
    const std::size_t in_a = *find_tensor(a.tensors(), all[t].name);
    for (std::uint64_t offset = 0; offset < all[t].bytes(); offset += WindowBytes) {
      window.resize(std::min(WindowBytes, all[t].bytes() - offset));
      if (!a.read(in_a, offset, window, diags) || !sink.write(t, offset, window, diags)) return diags.failed();
    }
  }
  return Done{};
}

/// R0903 for a glob that names nothing.
Status check_globs(const TensorStore& a, const TensorStore& b, const std::vector<std::string>& globs,
                   Diagnostics& diags) {
  for (const std::string& glob : globs) {
    const auto names = [&](const TensorInfo& info) { return glob_matches(glob, info.name); };
    if (std::ranges::any_of(a.tensors(), names) || std::ranges::any_of(b.tensors(), names)) continue;
    return report(diags, {}, diag::Usage, fmt::format("neither checkpoint has a tensor `{}`", glob))
        .help(std::string(GlobHelp));
  }
  return Done{};
}

/// Tensors of the same names.
Result<Verification> compare_named(const TensorStore& a, const TensorStore& b, const Pack* pack,
                                   std::optional<SideId> side, const VerifyOptions& options, Diagnostics& diags) {
  if (!check_globs(a, b, options.only, diags)) return diags.failed();
  const Result<Shares> shares = shares_of(b, options, diags);
  if (!shares) return diags.failed();
  std::vector<TensorInfo> moved;  // those that a run can take
  std::vector<TensorInfo> rest;
  for (const TensorInfo& info : a.tensors()) {
    if (!is_wanted(info.name, options.only)) continue;
    const auto in_b = find_tensor(b.tensors(), info.name);
    if (!in_b && pack != nullptr && side && pack->ignores(*side, info.name)) continue;
    const bool fits = in_b && b.tensors()[*in_b] == info && bits(info.dtype) >= 8 && *cells(info.shape) > 0;
    (fits ? moved : rest).push_back(info);
  }
  std::vector<TargetTensor> targets;
  for (std::size_t i = 0; i < moved.size(); ++i) targets.push_back(copy_of(moved[i], i));
  Allowances allowances;
  if (pack != nullptr && side) allowances = Allowances(*pack, *side, std::nullopt, diags);
  const CallerStore caller_a(a);
  const CallerStore caller_b(b);
  const auto* const b_chunks = dynamic_cast<const ChunkedStore*>(&b);
  ComparingSink sink(caller_b, b_chunks, allowances, shares->reading_b);
  RunOptions how;
  how.plan.memory_bytes = shares->run;
  how.threads = shares->threads;
  how.on_progress = caller_progress(options.on_progress);
  const RunStores stores{&caller_a, dynamic_cast<const ChunkedStore*>(&a), &sink, &sink};
  RunReport report;
  if (!run_targets(targets, moved, stores, how, report, diags)) return diags.failed();
  Verification result{sink.verdicts(), report.bytes_written};

  ComparingSink others(caller_b, b_chunks, allowances, shares->reading_b);
  if (!others.lay_out(rest, diags) || !compare_packed(caller_a, rest, others, diags)) return diags.failed();
  std::ranges::move(others.verdicts(), std::back_inserter(result.tensors));
  add_rest_of(b, pack, side, options.only, result);
  return result;
}

}  // namespace

Result<Verification> compare_checkpoints(const TensorStore& a, const TensorStore& b, const Model* model,
                                         const VerifyOptions& options, Diagnostics& diags) {
  const Pack* const pack = model == nullptr ? nullptr : &model->pack();
  const auto side_a = pack == nullptr ? std::nullopt : side_of(*pack, a);
  const auto side_b = pack == nullptr ? std::nullopt : side_of(*pack, b);
  if (side_a && side_b && side_a != side_b) return compare_converted(a, b, *model, *side_b, options, diags);
  return compare_named(a, b, pack, side_a == side_b ? side_b : std::nullopt, options, diags);
}

}  // namespace rulec
