// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/bind/inputs.h"
#include "engine/check/check.h"
#include "engine/config/config.h"
#include "engine/guard.h"

#include <rulec/check.h>

namespace rulec {
namespace {

/// Whether `bind` broke off, which says nothing about a pack.
bool broke_off(const Diagnostics& diags) {
  const std::string_view id = diags.all().back().id;
  return id == diag::CallerFailed.id || id == diag::OutOfMemory.id || id == diag::InternalBug.id;
}

Result<std::vector<Fit>> find_fits(const TensorStore& checkpoint,
                                   const std::map<std::string, std::filesystem::path>& configs, Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  for (const auto& [side, file] : configs) (void)read_config(file, diags);
  if (diags.errors() > errors) return diags.failed();
  std::vector<Fit> fits;
  for (const std::string& name : bundled_packs()) {
    const std::size_t before = diags.all().size();
    Result<RulePack> pack = load_pack(name, diags);
    for (std::size_t s = 0; pack && s < 2; ++s) {
      BindOptions options;
      options.checkpoints[pack->sides()[s]] = &checkpoint;
      for (const auto& [side, file] : configs) {
        if (pack->rules().side(side)) options.configs[side] = file;
      }
      Result<Model> model = bind(*pack, options, diags);
      if (!model && broke_off(diags)) return diags.failed();
      if (!model) continue;
      Fit fit{name, pack->sides()[s], 0, 0};
      const SideId side = s == 0 ? SideId::Left : SideId::Right;
      for (const TensorInfo& tensor : checkpoint.tensors()) {
        const bool known = model->pack().find(side, tensor.name).has_value();
        const bool ignored = !known && model->pack().ignores(side, tensor.name);
        fit.matched += known;
        fit.total += !ignored;
      }
      if (fit.matched > 0) fits.push_back(fit);
    }
    diags.truncate(before);
  }
  std::ranges::stable_sort(fits, [](const Fit& a, const Fit& b) { return a.matched * b.total > b.matched * a.total; });
  return fits;
}

}  // namespace

Result<std::vector<Fit>> fitting_packs(const TensorStore& checkpoint,
                                       const std::map<std::string, std::filesystem::path>& configs,
                                       Diagnostics& diags) {
  return guarded(diags, [&] { return find_fits(CallerStore(checkpoint), configs, diags); });
}

}  // namespace rulec
