// SPDX-License-Identifier: Apache-2.0
#include "engine/run/run.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "engine/graph/pieces.h"
#include "engine/plan/summary.h"
#include "engine/run/prepared.h"
#include "engine/run/runner.h"
#include "engine/run/source_checks.h"
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

/// Errors: R0849, if another plan than this was asked for.
Status check_as_planned(const RunOptions& options, const std::string& mark, Diagnostics& diags) {
  if (options.fingerprint.empty() || options.fingerprint == mark) return Done{};
  return rulec::report(diags, {}, diag::PlanChanged).help("plan again, and look at what has changed");
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
  ConversionPlan plan{{},
                      made.plan.bytes_read,
                      made.plan.bytes_written,
                      0,
                      made.plan.needed_bytes,
                      options.plan.memory_bytes,
                      fingerprint_of(made, stores)};
  if (!check_as_planned(options, plan.fingerprint, diags)) return diags.failed();
  if (made.first != nullptr) {
    plan.bytes_read += made.first->made.plan.bytes_read;
    plan.scratch_bytes = made.first->scratch.bytes();
    plan.needed_bytes = std::max(plan.needed_bytes, made.first->made.plan.needed_bytes);
  }
  for (const TargetSummary& row : summarise(made.input, made.plan)) {
    plan.tensors.push_back({made.infos[row.target], std::string(to_string(row.strategy)), row.parts, row.loads,
                            row.part_bytes, row.read_run, row.write_run});
  }
  return plan;
}

Status run_targets(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores,
                   const RunOptions& options, RunReport& report, Diagnostics& diags) {
  const auto prepared = prepare(targets, sources, stores, options, diags);
  if (!prepared) return diags.failed();
  return Runner(**prepared, stores, options, report, diags).run();
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
  const std::string mark = fingerprint_of(**prepared, stores);
  if (!check_as_planned(options, mark, diags)) return diags.failed();
  Runner runner(**prepared, stores, options, report, diags);
  if (!(options.part ? runner.run_part(mark, *options.part) : runner.run(mark))) return diags.failed();
  for (const TargetTensor& target : targets) report.tensors.push_back(written(pack, graph, target));
  return report;
}

}  // namespace rulec
