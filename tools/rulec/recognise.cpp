// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/recognise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include <rulec/check.h>

#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::string name;
  std::string reason;
};

// The one pack with a model of which `is_wanted`.
std::optional<std::string> only_pack(const std::function<bool(const ShippedModel&)>& is_wanted) {
  std::set<std::string> packs;
  for (const ShippedModel& model : shipped_models()) {
    if (is_wanted(model)) packs.insert(model.pack);
  }
  return packs.size() == 1 ? std::optional(*packs.begin()) : std::nullopt;
}

Result<Found> pack_by_names(const TensorStore& checkpoint, const BindOptions& options, Diagnostics& diags) {
  const Result<std::vector<Fit>> found = fitting_packs(checkpoint, options.configs, diags);
  if (!found) return diags.failed();
  const std::vector<Fit>& fits = *found;
  const std::string where(checkpoint.where());
  const FilePlace place{where, {}};
  if (fits.empty() || fits.front().matched * 2 < fits.front().total) {
    Finding none = report(diags, place, diag::NoPackFits, where);
    if (!fits.empty()) {
      none.note(fmt::format("closest is `{}`, which names {} of {} tensors on its side `{}`", fits.front().pack,
                            fits.front().matched, fits.front().total, fits.front().side));
    }
    if (!options.preset.empty()) none.note(fmt::format("none that is built in has a preset `{}`", options.preset));
    return none.help("name one with --pack; `rulec packs` lists those that are built in");
  }
  std::vector<std::string> best;
  for (const Fit& fit : fits) {
    const bool is_best = fit.matched == fits.front().matched && fit.missing == fits.front().missing;
    if (is_best && std::ranges::count(best, fit.pack) == 0) best.push_back(fit.pack);
  }
  if (best.size() > 1) {
    return report(diags, place, diag::SeveralFit, fmt::format("the packs {}", fmt::join(best, ", ")), where)
        .help("name one with --pack");
  }
  return Found{best.front(), "by the names of its tensors"};
}

Result<Found> find_pack(const TensorStore& checkpoint, const Neighbours& neighbours, const std::string& given,
                        const BindOptions& options, Diagnostics& diags) {
  if (!given.empty()) return Found{given, "as told"};
  if (neighbours.record) {
    if (is_bundled(neighbours.record->pack)) return Found{neighbours.record->pack, "by its rulec.json"};
    const std::string where(checkpoint.where());
    return report(diags, FilePlace{where, {}}, diag::NoPackFits, where)
        .note(fmt::format("its rulec.json says that it was made by the pack `{}`", neighbours.record->pack))
        .help("give that pack, which is not built in: --pack PATH");
  }
  for (const auto& configs : {options.configs, neighbours.configs}) {
    const auto hf = configs.find("hf");
    const std::optional<std::string> type = hf == configs.end() ? std::nullopt : model_type(hf->second);
    if (!type) continue;
    const auto pack = only_pack([&](const ShippedModel& model) { return model.model_type == *type; });
    if (pack) return Found{*pack, fmt::format("by `model_type` in {}", hf->second.string())};
  }
  if (!options.preset.empty()) {
    const auto pack = only_pack([&](const ShippedModel& model) { return model.name == options.preset; });
    if (pack) return Found{*pack, fmt::format("whose preset {} is", options.preset)};
  }
  return pack_by_names(checkpoint, options, diags);
}

std::string text_of(const Fit& fit) {
  return fmt::format("{} of {} names", fit.matched, fit.total);
}

Result<Found> side_by_fit(const RulePack& pack, const TensorStore& checkpoint, const BindOptions& options,
                          Diagnostics& diags) {
  const auto by_names = side_by_names(pack, checkpoint, options, diags);
  if (!by_names) return diags.failed();
  if (*by_names) return Found{**by_names, "by the names of its tensors"};
  const Result<std::array<Fit, 2>> fits = fitting_sides(pack, checkpoint, options, diags);
  if (!fits) return diags.failed();
  const auto& [left, right] = *fits;
  if (left.matched != right.matched) {
    const Fit& best = left.matched > right.matched ? left : right;
    return Found{best.side, fmt::format("{} fit it", text_of(best))};
  }
  // A pack that cannot be worked out at all says why itself.
  if (left.is_rough && right.is_rough && !bind(pack, options, diags)) return diags.failed();
  const std::string where(checkpoint.where());
  Finding finding = report(diags, FilePlace{where, {}}, diag::WhichWay,
                           fmt::format("cannot tell whether `{}` is the side `{}` or `{}` of the pack `{}`", where,
                                       left.side, right.side, pack.name()));
  if (left.matched == 0) {
    return finding.note("its names are on neither side")
        .help(fmt::format("`rulec inspect {}` tells which packs fit it", where));
  }
  finding.note(fmt::format("{} are on each of them", text_of(left)));
  return finding.help(fmt::format("give the side to make: --to {} or --to {}", left.side, right.side));
}

}  // namespace

Result<Recognised> recognise(const TensorStore& checkpoint, const Neighbours& neighbours, const std::string& given,
                             const std::string& to, const BindOptions& options, Diagnostics& diags) {
  const Result<Found> name = find_pack(checkpoint, neighbours, given, options, diags);
  if (!name) return diags.failed();
  Result<RulePack> pack = load_pack(name->name, diags);
  if (!pack) return diags.failed();
  std::vector<std::string> reasons = {fmt::format("pack {}, {}", pack->name(), name->reason)};
  if (!to.empty()) {
    if (!check_side(*pack, to, diags)) return diags.failed();
    const std::string from = opposite(*pack, to);
    if (!check_names(*pack, from, checkpoint, options, diags)) return diags.failed();
    reasons.push_back(fmt::format("side {}, as told", from));
    return Recognised{*std::move(pack), from, std::move(reasons)};
  }
  const auto& record = neighbours.record;
  if (record && record->pack == pack->name() && std::ranges::count(pack->sides(), record->side) != 0) {
    reasons.push_back(fmt::format("side {}, by its rulec.json", record->side));
    return Recognised{*std::move(pack), record->side, std::move(reasons)};
  }
  const Result<Found> side = side_by_fit(*pack, checkpoint, options, diags);
  if (!side) return diags.failed();
  reasons.push_back(fmt::format("side {}, {}", side->name, side->reason));
  return Recognised{*std::move(pack), side->name, std::move(reasons)};
}

bool is_bundled(const std::string& pack) {
  return std::ranges::count(bundled_packs(), pack) != 0;
}

const std::string& opposite(const RulePack& pack, const std::string& side) {
  return pack.sides()[0] == side ? pack.sides()[1] : pack.sides()[0];
}

Status check_side(const RulePack& pack, const std::string& side, Diagnostics& diags) {
  if (std::ranges::count(pack.sides(), side) != 0) return Done{};
  return report(diags, {}, diag::UnknownSide, pack.name(), side)
      .help(fmt::format("its sides are {}", fmt::join(pack.sides(), " and ")));
}

Status check_names(const RulePack& pack, const std::string& side, const TensorStore& checkpoint,
                   const BindOptions& options, Diagnostics& diags) {
  const auto by_names = side_by_names(pack, checkpoint, options, diags);
  if (!by_names) return diags.failed();
  if (*by_names == side) return Done{};
  const Result<std::array<Fit, 2>> fits = fitting_sides(pack, checkpoint, options, diags);
  if (!fits) return diags.failed();
  const bool is_left = fits->front().side == side;
  const Fit& here = is_left ? fits->front() : fits->back();
  const Fit& there = is_left ? fits->back() : fits->front();
  if (here.matched > 0 || there.matched == 0) return Done{};
  const std::string where(checkpoint.where());
  return report(diags, FilePlace{where, {}}, diag::WhichWay,
                fmt::format("`{}` is on the side `{}` of the pack `{}`, not on `{}`", where, there.side, pack.name(),
                            here.side))
      .note(fmt::format("{} are those of `{}`, none is one of `{}`", text_of(there), there.side, here.side));
}

void complete(BindOptions& options, const Neighbours& neighbours) {
  if (options.preset.empty()) options.configs.insert(neighbours.configs.begin(), neighbours.configs.end());
  if (!neighbours.record) return;
  for (const auto& [name, value] : neighbours.record->options)
    options.claims.push_back({name, value, neighbours.record->file.string()});
}

}  // namespace rulec::cli
