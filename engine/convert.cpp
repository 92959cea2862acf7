// SPDX-License-Identifier: Apache-2.0
#include <rulec/convert.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/check/check.h"
#include "engine/check/tensor_trip.h"
#include "engine/graph/graph.h"
#include "engine/guard.h"
#include "engine/run/limits.h"
#include "engine/run/run.h"

namespace rulec {
namespace {

/// What the pack says has no partner.
std::vector<TensorInfo> ignored_tensors(const Pack& pack, SideId side, std::span<const TensorInfo> source) {
  std::vector<TensorInfo> ignored;
  const std::vector<std::optional<std::size_t>> places = pack.find_all(side, source);
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (!places[i] && pack.ignores(side, source[i].name)) ignored.push_back(source[i]);
  }
  return ignored;
}

/// The source tensors that each target is made of, by places in the pack. Operands lie on the right.
std::map<std::size_t, std::set<std::pair<SideId, std::size_t>>> sources_of(const Pack& pack, SideId to) {
  std::map<std::size_t, std::set<std::pair<SideId, std::size_t>>> sources;
  const SideId from = other(to);
  for (const Piece& piece : pack.pieces) {
    if (piece.tensor[number(to)] < 0 || !pack.families[piece.family].writes(to)) continue;
    auto& found = sources[static_cast<std::size_t>(piece.tensor[number(to)])];
    if (piece.tensor[number(from)] >= 0) found.emplace(from, static_cast<std::size_t>(piece.tensor[number(from)]));
    for (const PieceOperand& operand : piece.operands) found.emplace(SideId::Right, operand.tensor);
  }
  return sources;
}

TensorClass class_of(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::Exact:
      return TensorClass::Exact;
    case Fidelity::Stable:
      return TensorClass::Stable;
    case Fidelity::Drifts:
      return TensorClass::Lossy;
    case Fidelity::OneWay:
      return TensorClass::OneWay;
  }
  return TensorClass::OneWay;
}

/// Everything that can be told before a byte is read.
Report planned(const Pack& pack, const Graph& graph, std::optional<DType> dtype) {
  constexpr std::size_t Shown = 4;
  TensorTrips trips(pack);
  const auto sources = sources_of(pack, graph.to);
  Report report;
  for (const TensorInfo& target : graph.targets) {
    TensorReport row;
    row.tensor = target;
    const std::size_t tensor = *pack.find(graph.to, target.name);
    DType arrives = dtype.value_or(target.dtype);
    if (const auto found = sources.find(tensor); found != sources.end()) {
      row.source_count = found->second.size();
      for (const auto& [side, source] : found->second) {
        const std::string& name = pack.tensors[number(side)][source].name;
        if (const auto stored = find_tensor(graph.sources, name); stored && row.sources.empty())
          arrives = graph.sources[*stored].dtype;
        if (row.sources.size() < Shown) row.sources.push_back(name);
      }
    }
    row.fidelity = class_of(trips.find(graph.to, tensor, {other(graph.to), arrives, dtype}).trip.fidelity);
    report.tensors.push_back(std::move(row));
  }
  return report;
}

/// The graph of a conversion, if the source has what it needs and nothing that nobody knows, and nothing stays
/// unwritten.
Result<Graph> graph_of(const Model& model, std::string_view to, const TensorStore& source,
                       const ConvertOptions& options, Diagnostics& diags) {
  const std::optional<SideId> side = model.rules().side(to);
  if (!side) {
    return report(diags, {}, diag::UnknownSide, model.pack_name(), to)
        .help(fmt::format("its sides: `{}`, `{}`", model.sides()[0], model.sides()[1]));
  }
  if (!check_unmapped(model.pack(), other(*side), source.tensors(), source.where(), diags)) return diags.failed();
  const bool is_whole = options.only.empty() && !options.may_leave_out;
  if (is_whole && !check_unwritten(model.pack(), *side, diags)) return diags.failed();
  const GraphOptions asked{source.tensors(), std::string(source.where()), options.dtype, options.cast_first,
                           options.only};
  return build_graph(model.pack(), *side, asked, diags);
}

RunOptions run_options(const ConvertOptions& options) {
  RunOptions how;
  how.pad_policy = options.pad_policy;
  how.constant_policy = options.constant_policy;
  how.alias_policy = options.alias_policy;
  how.threads = options.threads;
  how.journal = options.journal;
  how.is_resumed = options.is_resumed;
  how.part = options.part;
  how.fingerprint = options.fingerprint;
  how.trace = options.trace;
  how.on_progress = caller_progress(options.on_progress);
  how.plan.memory_bytes = options.memory_bytes.value_or(default_memory_bytes());
  return how;
}

/// `convert`, where exceptions may still fly.
Result<Report> run_conversion(const Model& model, std::string_view to, const RunStores& stores,
                              const ConvertOptions& options, Diagnostics& diags) {
  const TensorStore& source = *stores.source;
  Result<Graph> graph = graph_of(model, to, source, options, diags);
  if (!graph) return diags.failed();
  Report report = planned(model.pack(), *graph, options.dtype);
  report.ignored = ignored_tensors(model.pack(), other(graph->to), source.tensors());
  if (options.dry_run) {
    const Result<ConversionPlan> plan = plan_run(*std::move(graph), stores, run_options(options), diags);
    if (!plan) return diags.failed();
    report.bytes_read = plan->bytes_read;
    report.bytes_written = plan->bytes_written;
    report.bytes_scratch = plan->scratch_bytes;
    return report;
  }
  const Result<RunReport> ran = run(model.pack(), *graph, stores, run_options(options), diags);
  if (!ran) return diags.failed();
  report.bytes_read = ran->bytes_read;
  report.bytes_written = ran->bytes_written;
  report.bytes_reflinked = ran->bytes_reflinked;
  report.bytes_scratch = ran->bytes_scratch;
  report.dropped_pad_rows = ran->dropped_pad_rows;
  report.dropped_constants = ran->dropped_constants;
  report.dropped_aliases = ran->dropped_aliases;
  report.open_parts = ran->open_parts;
  return report;
}

/// Calls `use` with the stores as callers have them: what they throw is told apart.
template <class Use>
auto with_stores(const TensorStore& source, TensorSink& target, const Use& use) {
  const CallerStore caller_source(source);
  CallerSink caller_target(target);
  RunStores stores = stores_of(source, target);
  stores.source = &caller_source;
  stores.target = &caller_target;
  return use(stores);
}

}  // namespace

std::string_view to_string(TensorClass c) {
  switch (c) {
    case TensorClass::Exact:
      return "exact";
    case TensorClass::Stable:
      return "stable";
    case TensorClass::Lossy:
      return "lossy";
    case TensorClass::OneWay:
      return "one-way";
  }
  return {};
}

Result<Report> convert(const Model& model, std::string_view to, const TensorStore& source, TensorSink& target,
                       const ConvertOptions& options, Diagnostics& diags) {
  return guarded(diags, model.sources(), [&] {
    return with_stores(source, target,
                       [&](const RunStores& stores) { return run_conversion(model, to, stores, options, diags); });
  });
}

Result<ConversionPlan> plan_conversion(const Model& model, std::string_view to, const TensorStore& source,
                                       TensorSink& target, const ConvertOptions& options, Diagnostics& diags) {
  return guarded(diags, model.sources(), [&] {
    return with_stores(source, target, [&](const RunStores& stores) -> Result<ConversionPlan> {
      Result<Graph> graph = graph_of(model, to, *stores.source, options, diags);
      if (!graph) return diags.failed();
      return plan_run(*std::move(graph), stores, run_options(options), diags);
    });
  });
}

}  // namespace rulec
