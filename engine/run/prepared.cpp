// SPDX-License-Identifier: Apache-2.0
#include "engine/run/prepared.h"

#include <utility>

#include "engine/plan/origin.h"
#include "engine/plan/recut.h"
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

std::vector<TargetTensor> as_they_are(std::span<const TensorInfo> sources) {
  std::vector<TargetTensor> targets;
  for (const TensorInfo& info : sources) {
    StridedCopy all;
    const Shape strides = c_strides(info.shape);
    for (std::size_t axis = 0; axis < strides.size(); ++axis)
      all.axes.push_back({info.shape[axis], strides[axis], strides[axis]});
    const Types types{info.dtype, info.dtype, info.dtype};
    targets.push_back({info, {{targets.size(), simplified(std::move(all)), {}, types, {}}}, {}});
  }
  return targets;
}

std::vector<std::size_t> numbers_of(const std::vector<Recut>& recuts) {
  std::vector<std::size_t> numbers;
  for (const Recut& recut : recuts) numbers.push_back(recut.source);
  return numbers;
}

std::vector<TensorInfo> sources_of(const std::vector<Recut>& recuts, std::span<const TensorInfo> all) {
  std::vector<TensorInfo> sources;
  for (const Recut& recut : recuts) sources.push_back(all[recut.source]);
  return sources;
}

std::vector<ScratchFile::Tensor> in_chunks(const std::vector<Recut>& recuts, std::span<const TensorInfo> all) {
  std::vector<ScratchFile::Tensor> tensors;
  for (const Recut& recut : recuts) tensors.push_back({all[recut.source], recut.chunk});
  return tensors;
}

std::vector<std::size_t> numbers_in(const TensorStore& store, std::span<const TensorInfo> tensors) {
  std::vector<std::size_t> numbers;
  for (const TensorInfo& info : tensors) numbers.push_back(*find_tensor(store.tensors(), info.name));
  return numbers;
}

/// Has sources cut anew where that is worth it, and there is memory for it.
void add_first_pass(Prepared& prepared, const RunStores& stores, const PlanOptions& options) {
  const std::vector<Recut> recuts = find_recuts(prepared.input, options);
  if (recuts.empty()) return;
  auto first = std::make_unique<FirstPass>(recuts, prepared.input.sources, stores);
  Diagnostics unsaid;  // one pass may get through with less
  Result<Plan> plan = plan_first_pass(first->made.input, options, unsaid);
  if (!plan) return;
  first->made.plan = *std::move(plan);
  prepared.first = std::move(first);
  prepared.reader = ChunkReader(*stores.source, &prepared.first->store, prepared.input.sources);
  prepared.input.recut = prepared.first->numbers;
}

}  // namespace

Prepared::~Prepared() = default;

FirstPass::FirstPass(const std::vector<Recut>& recuts, std::span<const TensorInfo> all, const RunStores& stores)
    : numbers(numbers_of(recuts)),
      sources(sources_of(recuts, all)),
      targets(as_they_are(sources)),
      scratch(in_chunks(recuts, all)),
      store(*stores.source_chunks, numbers_in(*stores.source, sources), scratch),
      stores{stores.source, stores.source_chunks, &scratch, &scratch, nullptr},
      made(targets, sources, this->stores) {}

Prepared::Prepared(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources, const RunStores& stores)
    : maps(all_maps(targets, sources)),
      infos(infos_of(targets)),
      reader(*stores.source, stores.source_chunks, sources),
      writer(*stores.target, stores.target_chunks, infos),
      input{targets, maps, sources, &reader, &writer, {}} {}

Result<std::unique_ptr<Prepared>> prepare(std::span<const TargetTensor> targets, std::span<const TensorInfo> sources,
                                          const RunStores& stores, const RunOptions& options, Diagnostics& diags) {
  auto prepared = std::make_unique<Prepared>(targets, sources, stores);
  if (stores.target_files != nullptr) {
    for (const TargetTensor& target : targets)
      prepared->origins.push_back(origin_of(target, sources, prepared->reader));
    stores.target_files->come_from(prepared->origins);
  }
  if (stores.target_chunks != nullptr && !stores.target_chunks->lay_out(prepared->infos, diags)) return diags.failed();
  // The scratch file lies among the target's, so that there is none where the target is not in files.
  const bool may_recut =
      stores.source_chunks != nullptr && (stores.target_files != nullptr || !options.scratch.empty());
  if (may_recut) add_first_pass(*prepared, stores, options.plan);
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
