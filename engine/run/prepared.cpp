// SPDX-License-Identifier: Apache-2.0
#include "engine/run/prepared.h"

#include <utility>

#include "engine/plan/origin.h"
#include "engine/run/fingerprint.h"

namespace rulec {
namespace {

std::vector<TargetMaps> all_maps(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources) {
  std::vector<TargetMaps> maps;
  for (const TargetTensor& target : targets)
    maps.push_back(*cells(target.info.shape) > 0 ? maps_of(target, sources) : TargetMaps{});
  return maps;
}

std::vector<TensorInfo> infos_of(std::span<const TargetTensor> targets) {
  std::vector<TensorInfo> infos;
  for (const TargetTensor& target : targets) infos.push_back(target.info);
  return infos;
}

}  // namespace

Prepared::Prepared(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores)
    : maps(all_maps(targets, sources)),
      infos(infos_of(targets)),
      reader(*stores.source, stores.source_chunks, sources),
      writer(*stores.target, stores.target_chunks, infos),
      input{targets, maps, sources, &reader, &writer} {}

Result<std::unique_ptr<Prepared>> prepare(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources,
                                          const RunStores& stores, const RunOptions& options, Diagnostics& diags) {
  auto prepared = std::make_unique<Prepared>(targets, sources, stores);
  if (stores.target_files != nullptr) {
    for (const TargetTensor& target : targets)
      prepared->origins.push_back(origin_of(target, sources, prepared->reader));
    stores.target_files->come_from(prepared->origins);
  }
  if (stores.target_chunks != nullptr && !stores.target_chunks->lay_out(prepared->infos, diags)) return diags.failed();
  Result<Plan> plan = make_plan(prepared->input, options.plan, diags);
  if (!plan) return diags.failed();
  prepared->plan = *std::move(plan);
  return prepared;
}

std::string fingerprint_of(const Prepared& made, const RunStores& stores) {
  if (stores.target_files == nullptr || stores.source_chunks == nullptr) return {};
  return fingerprint(*stores.source_chunks, *stores.target_files, made.input, made.plan);
}

}  // namespace rulec
