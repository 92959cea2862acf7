// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/summary.h"

#include <algorithm>
#include <map>
#include <optional>

namespace rulec {
namespace {

/// Of what a range has, as the disk sees it.
std::uint64_t run_of(const Block& block, const Shape& chunk_shape, DType dtype) {
  return runs_of(block, chunk_shape, dtype).bytes;
}

}  // namespace

std::vector<TargetSummary> summarise(const PlanInput& input, const Plan& plan) {
  std::vector<std::optional<TargetSummary>> rows(input.targets.size());
  for (const Unit& unit : plan.units) {
    std::uint64_t read_run = ~std::uint64_t{0};
    for (const std::size_t l : unit.loads) {
      const Load& load = plan.loads[l];
      const Block& block = load.blocks.front();
      const ChunkForm form = input.reader->form(block.tensor);
      const bool is_whole = load.is_operand || load.from || !form.is_raw;
      read_run =
          std::min(read_run, is_whole ? load.bytes : run_of(block, form.chunk, input.sources[block.tensor].dtype));
    }
    std::map<std::size_t, std::uint64_t> bytes;
    for (const Block& block : unit.targets) {
      const DType dtype = input.targets[block.tensor].info.dtype;
      const std::uint64_t write_run =
          unit.range ? unit.range->bytes : run_of(block, input.writer->form(block.tensor).chunk, dtype);
      std::optional<TargetSummary>& row = rows[block.tensor];
      if (!row) {
        row.emplace(TargetSummary{block.tensor, unit.strategy});
        row->read_run = row->write_run = ~std::uint64_t{0};
      }
      row->write_run = std::min(row->write_run, write_run);
      bytes[block.tensor] += buffer_bytes(block, dtype);
    }
    for (const auto& [target, part] : bytes) {
      TargetSummary& row = *rows[target];
      ++row.parts;
      row.loads += unit.loads.size();
      row.read_run = std::min(row.read_run, read_run);
      row.part_bytes = std::max(row.part_bytes, part);
    }
  }
  std::vector<TargetSummary> all;
  for (const std::optional<TargetSummary>& row : rows) {
    if (row) all.push_back(*row);
  }
  return all;
}

}  // namespace rulec
