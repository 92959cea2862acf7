// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/check/check.h"
#include "engine/guard.h"
#include "engine/inputs.h"

#include <rulec/check.h>

namespace rulec {
namespace {

/// The side that a config file beside a checkpoint belongs to.
std::string side_of(const std::filesystem::path& config, const RulePack& pack) {
  if (config.extension() != ".json") return pack.sides()[0] == "hf" ? pack.sides()[1] : pack.sides()[0];
  return "hf";
}

}  // namespace

std::vector<Fit> fitting_packs(const TensorStore& checkpoint, const std::vector<std::filesystem::path>& configs,
                               Diagnostics& diags) {
  std::vector<Fit> fits;
  for (const std::string& name : bundled_packs()) {
    const std::size_t before = diags.all().size();
    Result<RulePack> pack = load_pack(name, diags);
    for (std::size_t s = 0; pack && s < 2; ++s) {
      BindOptions options;
      options.checkpoints[pack->sides()[s]] = &checkpoint;
      for (const std::filesystem::path& config : configs) {
        const std::string side = side_of(config, *pack);
        if (side == pack->sides()[0] || side == pack->sides()[1]) options.configs[side] = config;
      }
      Result<Model> model = bind(*pack, options, diags);
      if (!model) continue;
      Fit fit{name, pack->sides()[s], 0, 0};
      const SideId side = s == 0 ? SideId::Left : SideId::Right;
      for (const TensorInfo& tensor : checkpoint.tensors()) {
        const bool known = model->pack().find(side, tensor.name).has_value();
        const bool ignored = !known && std::ranges::any_of(model->pack().ignored, [&](const IgnoredGlob& glob) {
          return glob.side == side && glob_matches(glob.glob, tensor.name);
        });
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

}  // namespace rulec
