// SPDX-License-Identifier: Apache-2.0
#include "engine/run/run.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/graph/pieces.h"
#include "engine/run/move.h"
#include "engine/run/schedule.h"
#include "engine/run/source_checks.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

class Runner {
 public:
  Runner(const Pack& pack, const Graph& graph, const TensorStore& source, TensorSink& target, const RunOptions& options,
         Diagnostics& diags)
      : pack_(pack),
        graph_(graph),
        source_(source),
        target_(target),
        options_(options),
        diags_(diags),
        targets_(simplify(graph)),
        checks_(pack, graph, source.tensors(), options, report_, diags),
        sources_(graph.sources.size()) {}

  Result<RunReport> run() {
    for (const TargetTensor& target : targets_) {
      progress_.bytes_total += target.info.bytes();
      visits_.push_back(visits_of(target));
      for (const Visit& visit : visits_.back()) {
        ++sources_[visit.source].visits;
        for (const std::size_t operand : visit.operands) ++sources_[operand].visits;
      }
    }
    if (!target_.begin(graph_.targets, diags_) || !check_the_unread()) return diags_.failed();
    for (const std::size_t t : target_order(targets_, sources_.size())) {
      if (!make(t)) return diags_.failed();
    }
    if (!target_.commit(diags_)) return diags_.failed();
    for (const TargetTensor& target : targets_) report_.tensors.push_back(written(target));
    return std::move(report_);
  }

 private:
  struct SourceState {
    std::size_t visits = 0;  // still to come
    bool is_loaded = false;
    std::vector<std::byte> bytes;
  };

  /// Sources that no target is made of: constants of the other side.
  Status check_the_unread() {
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      if (sources_[s].visits != 0) continue;
      sources_[s].visits = 1;
      if (!acquire(s)) return diags_.failed();
      release(s);
    }
    return Done{};
  }

  Status make(std::size_t t) {
    const TargetTensor& target = targets_[t];
    buffer_.resize(target.info.bytes());
    if (!is_covered(target)) std::ranges::fill(buffer_, std::byte{});
    for (const FillPiece& piece : target.fills) fill(piece, target.info.dtype, buffer_);
    const std::vector<TensorInfo> aliases = checks_.aliases_of(target.info.name);
    std::vector<std::byte> raw;  // the cells of the target as they arrive, to hold its aliases against
    for (const Visit& visit : visits_[t]) {
      if (!acquire(visit)) return diags_.failed();
      for (const std::size_t c : visit.copies) move(target.copies[c]);
      if (!aliases.empty()) {
        const TensorInfo& info = graph_.sources[visit.source];
        raw.resize(static_cast<std::size_t>(*cells(target.info.shape)) * static_cast<std::size_t>(bits(info.dtype)) /
                   8);
        checks_.place(target.info.name, info, sources_[visit.source].bytes, raw);
      }
      release(visit);
    }
    for (const TensorInfo& alias : aliases) {
      if (!check_alias(t, alias, raw)) return diags_.failed();
    }
    if (!target_.write(t, 0, buffer_, diags_)) return diags_.failed();
    report_.bytes_written += buffer_.size();
    progress_.bytes_done += buffer_.size();
    progress_.tensor = target.info.name;
    if (options_.on_progress) options_.on_progress(progress_);
    return Done{};
  }

  static bool is_covered(const TargetTensor& target) {
    std::int64_t covered = 0;
    for (const CopyPiece& piece : target.copies) covered += piece.copy.cells();
    for (const FillPiece& piece : target.fills) covered += piece.copy.cells();
    return covered == cells(target.info.shape);
  }

  void move(const CopyPiece& piece) {
    std::vector<OperandTensor> operands;
    for (const CopyOperand& operand : piece.operands) {
      operands.push_back({graph_.sources[operand.source].dtype, sources_[operand.source].bytes});
    }
    move_piece(piece, sources_[piece.source].bytes, operands, buffer_, scratch_);
  }

  Status check_alias(std::size_t t, const TensorInfo& alias, std::span<const std::byte> raw) {
    const std::size_t original = visits_[t].front().source;
    const DType dtype = graph_.sources[original].dtype;
    const bool one_type = std::ranges::all_of(
        visits_[t], [&](const Visit& visit) { return graph_.sources[visit.source].dtype == dtype; });
    if (!one_type) return Done{};
    std::vector<std::byte> bytes;
    if (!read(alias, bytes)) return diags_.failed();
    return checks_.check_alias(targets_[t].info.name, graph_.sources[original].name, dtype, raw, alias, bytes);
  }

  // ---- sources ------------------------------------------------------------------------------------------------------

  Status read(const TensorInfo& info, std::vector<std::byte>& bytes) {
    const auto index = find_tensor(source_.tensors(), info.name);
    RULEC_ASSERT(index && source_.tensors()[*index] == info);
    bytes.resize(info.bytes());
    report_.bytes_read += info.bytes();
    return source_.read(*index, 0, bytes, diags_);
  }

  Status acquire(const Visit& visit) {
    if (!acquire(visit.source)) return diags_.failed();
    for (const std::size_t operand : visit.operands) {
      if (!acquire(operand)) return diags_.failed();
    }
    return Done{};
  }

  Status acquire(std::size_t s) {
    SourceState& state = sources_[s];
    if (state.is_loaded) return Done{};
    if (!spare_.empty()) {
      state.bytes = std::move(spare_.back());
      spare_.pop_back();
    }
    if (!read(graph_.sources[s], state.bytes)) return diags_.failed();
    state.is_loaded = true;
    return checks_.check(graph_.sources[s], state.bytes);
  }

  void release(const Visit& visit) {
    release(visit.source);
    for (const std::size_t operand : visit.operands) release(operand);
  }

  void release(std::size_t s) {
    SourceState& state = sources_[s];
    if (--state.visits != 0) return;
    state.is_loaded = false;
    if (spare_.size() < MostSpare) spare_.push_back(std::move(state.bytes));
    state.bytes = {};
  }

  WrittenTensor written(const TargetTensor& target) const {
    std::set<std::string> names;
    for (const CopyPiece& copy : target.copies) {
      names.insert(graph_.sources[copy.source].name);
      for (const CopyOperand& operand : copy.operands) names.insert(graph_.sources[operand.source].name);
    }
    const std::size_t tensor = *pack_.find(graph_.to, target.info.name);
    return {target.info, {names.begin(), names.end()}, pack_.tensors[number(graph_.to)][tensor].family};
  }

  static constexpr std::size_t MostSpare = 2;

  const Pack& pack_;
  const Graph& graph_;
  const TensorStore& source_;
  TensorSink& target_;
  const RunOptions& options_;
  Diagnostics& diags_;
  RunReport report_;
  std::vector<TargetTensor> targets_;
  SourceChecks checks_;
  std::vector<std::vector<Visit>> visits_;  // by target
  std::vector<SourceState> sources_;
  std::vector<std::vector<std::byte>> spare_;
  std::vector<std::byte> buffer_;
  Scratch scratch_;
  Progress progress_;
};

}  // namespace

Result<RunReport> run(const Pack& pack, const Graph& graph, const TensorStore& source, TensorSink& target,
                      const RunOptions& options, Diagnostics& diags) {
  return Runner(pack, graph, source, target, options, diags).run();
}

}  // namespace rulec
