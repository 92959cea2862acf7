// SPDX-License-Identifier: Apache-2.0
#include "engine/run/run.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/graph/pieces.h"
#include "engine/run/limits.h"
#include "engine/run/source_checks.h"
#include "engine/run/work.h"

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

}  // namespace

RunStores stores_of(const TensorStore& source, TensorSink& target) {
  return {&source, dynamic_cast<const ChunkedStore*>(&source), &target, dynamic_cast<ChunkedSink*>(&target)};
}

Status run_targets(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores,
                   const RunOptions& options, RunReport& report, Diagnostics& diags) {
  std::vector<TargetMaps> maps;
  std::vector<TensorInfo> infos;
  for (const TargetTensor& target : targets) {
    maps.push_back(*cells(target.info.shape) > 0 ? maps_of(target, sources) : TargetMaps{});
    infos.push_back(target.info);
  }
  if (stores.target_chunks != nullptr && !stores.target_chunks->lay_out(infos, diags)) return diags.failed();
  const ChunkReader reader(*stores.source, stores.source_chunks, sources);
  ChunkWriter writer(*stores.target, stores.target_chunks, infos);
  const PlanInput input{targets, maps, sources, &reader, &writer};
  const Result<Plan> plan = make_plan(input, options.plan, diags);
  if (!plan || !stores.target->begin(infos, diags)) return diags.failed();

  WorkOptions work{options.plan.memory_bytes, options.threads > 0 ? options.threads : usable_cores(), {}};
  if (options.on_progress) {
    work.on_progress = [&](std::uint64_t bytes, std::size_t target) {
      options.on_progress({bytes, plan->bytes_written, targets[target].info.name});
    };
  }
  if (!do_work(input, *plan, reader, writer, work, diags) || !stores.target->commit(diags)) return diags.failed();
  report.bytes_read += plan->bytes_read;
  report.bytes_written += plan->bytes_written;
  return Done{};
}

Result<RunReport> run(const Pack& pack, const Graph& graph, const RunStores& stores, const RunOptions& options,
                      Diagnostics& diags) {
  RunReport report;
  const std::span<const TensorInfo> catalogue = stores.source->tensors();
  const std::vector<TargetTensor> targets = simplify(graph);
  const ChunkReader all(*stores.source, stores.source_chunks, catalogue);
  if (!check_source(pack, graph, catalogue, all, options, report, diags)) return diags.failed();
  if (!run_targets(targets, graph.sources, stores, options, report, diags)) return diags.failed();
  for (const TargetTensor& target : targets) report.tensors.push_back(written(pack, graph, target));
  return report;
}

}  // namespace rulec
