// SPDX-License-Identifier: Apache-2.0
#include "engine/run/run.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "engine/graph/pieces.h"
#include "engine/plan/summary.h"
#include "engine/run/fingerprint.h"
#include "engine/run/journal.h"
#include "engine/run/limits.h"
#include "engine/run/resume.h"
#include "engine/run/source_checks.h"
#include "engine/run/work.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

WrittenTensor written(const Pack& pack, const Graph& graph, const TargetTensor& target) {
  std::set<std::string> names;
  for (const CopyPiece& copy : target.copies) {
    names.insert(graph.sources[copy.source].name);
    for (const CopyOperand& operand : copy.operands) names.insert(graph.sources[operand.source].name);
  }
  const std::size_t tensor = *pack.find(graph.to, target.info.name);
  return {target.info, {names.begin(), names.end()}, pack.tensors[number(graph.to)][tensor].family};
}

/// What a run and a look at its plan need: neither reads nor writes.
struct Prepared {
  Prepared(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores)
      : maps(all_maps(targets, sources)),
        infos(infos_of(targets)),
        reader(*stores.source, stores.source_chunks, sources),
        writer(*stores.target, stores.target_chunks, infos),
        input{targets, maps, sources, &reader, &writer} {}
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  static std::vector<TargetMaps> all_maps(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources) {
    std::vector<TargetMaps> maps;
    for (const TargetTensor& target : targets)
      maps.push_back(*cells(target.info.shape) > 0 ? maps_of(target, sources) : TargetMaps{});
    return maps;
  }

  static std::vector<TensorInfo> infos_of(std::span<const TargetTensor> targets) {
    std::vector<TensorInfo> infos;
    for (const TargetTensor& target : targets) infos.push_back(target.info);
    return infos;
  }

  std::vector<TargetMaps> maps;
  std::vector<TensorInfo> infos;
  ChunkReader reader;
  ChunkWriter writer;
  PlanInput input;  // of all of these
  Plan plan;
};

/// Borrows `targets` and `sources`.
Result<std::unique_ptr<Prepared>> prepare(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources,
                                          const RunStores& stores, const RunOptions& options, Diagnostics& diags) {
  const std::vector<TensorInfo> infos = Prepared::infos_of(targets);
  if (stores.target_chunks != nullptr && !stores.target_chunks->lay_out(infos, diags)) return diags.failed();
  auto prepared = std::make_unique<Prepared>(targets, sources, stores);
  Result<Plan> plan = make_plan(prepared->input, options.plan, diags);
  if (!plan) return diags.failed();
  prepared->plan = *std::move(plan);
  return prepared;
}

int threads_of(const RunOptions& options) {
  return options.threads > 0 ? options.threads : usable_cores();
}

Status open_journal(const RunOptions& options, const RunStores& stores, const PlanInput& input, const Plan& plan,
                    std::optional<Journal>& journal, Diagnostics& diags) {
  if (stores.target_files == nullptr || stores.source_chunks == nullptr) {
    if (!options.is_resumed) return Done{};
    return report(diags, FilePlace{options.journal.string(), {}}, diag::NothingToResume, options.journal.string(),
                  "is of a source or a target that is not in files, which cannot be gone on with")
        .help("begin anew, without --resume");
  }
  ResumableSink& sink = *stores.target_files;
  const std::string mark = fingerprint(*stores.source_chunks, sink, input, plan);
  Result<Journal> opened = options.is_resumed ? Journal::resume(options.journal, mark, plan.units.size(), sink, diags)
                                              : Journal::begin(options.journal, mark, plan.units.size(), sink, diags);
  if (!opened) return diags.failed();
  journal = *std::move(opened);
  return Done{};
}

/// Begins the target, or goes on with what the journal says is done; returns how many bytes of it are.
Result<std::uint64_t> begin_target(const Prepared& made, const RunStores& stores, const RunOptions& options,
                                   std::optional<Journal>& journal, Diagnostics& diags) {
  if (!options.is_resumed) {
    if (!stores.target->begin(made.infos, diags)) return diags.failed();
    if (journal) stores.target_files->keep();
    return 0;
  }
  ResumableSink& sink = *stores.target_files;
  CheckOptions check{options.plan.memory_bytes, threads_of(options), {}};
  if (options.on_progress) {
    check.on_progress = [&](const Team::Mark& mark) {
      options.on_progress({mark.bytes, made.plan.bytes_written, made.infos[mark.tensor].name, mark.bytes});
    };
  }
  if (!sink.begin_again(made.infos, diags) || !check_written(made.input, made.plan, sink, check, *journal, diags))
    return diags.failed();
  return note_finished(made.input, made.plan, *journal, sink);
}

/// Does what is planned into a target that was begun, and of which so many bytes are done. `journal` may be null.
Status work_and_commit(const Prepared& made, const RunStores& stores, const RunOptions& options, Journal* journal,
                       std::uint64_t resumed, RunReport& report, Diagnostics& diags) {
  WorkOptions work;
  work.memory_bytes = options.plan.memory_bytes;
  work.threads = threads_of(options);
  work.journal = journal;
  Timeline trace;
  if (!options.trace.empty()) work.trace = &trace;
  if (options.on_progress) {
    work.on_progress = [&, resumed](const Team::Mark& mark) {
      options.on_progress({mark.bytes, made.plan.bytes_written, made.infos[mark.tensor].name, resumed});
    };
  }
  const bool is_done = static_cast<bool>(do_work(made.input, made.plan, work, diags));
  if (!options.trace.empty() && !trace.write(options.trace, diags)) return diags.failed();
  if (!is_done || !stores.target->commit(diags)) return diags.failed();
  report.bytes_read += made.plan.bytes_read;
  report.bytes_written += made.plan.bytes_written;
  return Done{};
}

}  // namespace

RunStores stores_of(const TensorStore& source, TensorSink& target) {
  return {&source, dynamic_cast<const ChunkedStore*>(&source), &target, dynamic_cast<ChunkedSink*>(&target),
          dynamic_cast<ResumableSink*>(&target)};
}

Result<ConversionPlan> plan_run(Graph graph, const RunStores& stores, const RunOptions& options, Diagnostics& diags) {
  const std::vector<TargetTensor> targets = simplify(graph);
  graph.nodes = {};  // there are hundreds of thousands, of many models
  const auto prepared = prepare(targets, graph.sources, stores, options, diags);
  if (!prepared) return diags.failed();
  const Prepared& made = **prepared;
  ConversionPlan plan{
      {}, made.plan.bytes_read, made.plan.bytes_written, made.plan.needed_bytes, options.plan.memory_bytes};
  for (const TargetSummary& row : summarise(made.input, made.plan)) {
    plan.tensors.push_back({made.infos[row.target], std::string(to_string(row.strategy)), row.parts, row.loads,
                            row.part_bytes, row.read_run, row.write_run});
  }
  return plan;
}

Status run_targets(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores,
                   const RunOptions& options, RunReport& report, Diagnostics& diags) {
  const auto prepared = prepare(targets, sources, stores, options, diags);
  if (!prepared || !stores.target->begin((*prepared)->infos, diags)) return diags.failed();
  return work_and_commit(**prepared, stores, options, nullptr, 0, report, diags);
}

Result<RunReport> run(const Pack& pack, const Graph& graph, const RunStores& stores, const RunOptions& options,
                      Diagnostics& diags) {
  RunReport report;
  const std::span<const TensorInfo> catalogue = stores.source->tensors();
  const ChunkReader all(*stores.source, stores.source_chunks, catalogue);
  if (!check_source(pack, graph, catalogue, all, options, report, diags)) return diags.failed();
  const std::vector<TargetTensor> targets = simplify(graph);
  const auto prepared = prepare(targets, graph.sources, stores, options, diags);
  if (!prepared) return diags.failed();
  const Prepared& made = **prepared;
  std::optional<Journal> journal;
  if (!options.journal.empty() && !open_journal(options, stores, made.input, made.plan, journal, diags))
    return diags.failed();
  const Result<std::uint64_t> resumed = begin_target(made, stores, options, journal, diags);
  if (!resumed) return diags.failed();
  if (!work_and_commit(made, stores, options, journal ? &*journal : nullptr, *resumed, report, diags))
    return diags.failed();
  for (const TargetTensor& target : targets) report.tensors.push_back(written(pack, graph, target));
  return report;
}

}  // namespace rulec
