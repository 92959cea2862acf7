// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/recognise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include <rulec/check.h>

#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

bool is_bundled(const std::string& name) {
  return std::ranges::count(bundled_packs(), name) != 0;
}

struct Found {
  std::string name;
  std::string reason;
};

Result<Found> pack_by_names(const TensorStore& checkpoint, const BindOptions& options, Diagnostics& diags) {
  const Result<std::vector<Fit>> found = fitting_packs(checkpoint, options.configs, diags);
  if (!found) return diags.failed();
  const std::vector<Fit>& fits = *found;
  const std::string where(checkpoint.where());
  const FilePlace place{where, {}};
  if (fits.empty() || fits.front().matched * 2 < fits.front().total || fits.front().matched == 0) {
    Finding none = report(diags, place, diag::NoPackFits, where);
    if (!fits.empty() && fits.front().matched > 0) {
      none.note(fmt::format("closest is `{}`, which names {} of {} tensors on its side `{}`", fits.front().pack,
                            fits.front().matched, fits.front().total, fits.front().side));
    }
    if (options.configs.empty() && options.preset.empty())
      none.note("no config is beside it, and not every pack's sizes can be told from shapes")
          .help("give one: --config hf=config.json, or --pack with --preset");
    return none.help("name one with --pack; `rulec packs` lists those that are built in");
  }
  std::vector<std::string> best;
  for (const Fit& fit : fits) {
    if (fit.matched == fits.front().matched && std::ranges::count(best, fit.pack) == 0) best.push_back(fit.pack);
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
  if (const auto hf = options.configs.find("hf"); hf != options.configs.end()) {
    const std::optional<std::string> type = model_type(hf->second);
    if (type && is_bundled(*type)) return Found{*type, fmt::format("by `model_type` in {}", hf->second.string())};
  }
  return pack_by_names(checkpoint, options, diags);
}

// How many tensors of the checkpoint the pack names on `side`; nothing if the pack cannot be bound so.
std::optional<std::size_t> named_on(const RulePack& pack, const std::string& side, const TensorStore& checkpoint,
                                    BindOptions options, Diagnostics& diags) {
  const std::size_t mark = diags.all().size();
  options.checkpoints = {{side, &checkpoint}};
  const Result<Model> model = bind(pack, options, diags);
  diags.truncate(mark);
  if (!model) return std::nullopt;
  const std::vector<TensorInfo> names = model->tensors(side);
  return std::ranges::count_if(
      names, [&](const TensorInfo& t) { return find_tensor(checkpoint.tensors(), t.name).has_value(); });
}

// Only for a pack that is built in: a file of the user's may have the name of one, and other rules.
std::optional<Found> side_by_fit(const RulePack& pack, const TensorStore& checkpoint, const BindOptions& options,
                                 Diagnostics& diags) {
  const std::size_t mark = diags.all().size();
  Result<std::vector<Fit>> found = fitting_packs(checkpoint, options.configs, diags);
  diags.truncate(mark);
  if (!found) return std::nullopt;
  std::vector<Fit> fits = *std::move(found);
  std::erase_if(fits, [&](const Fit& fit) { return fit.pack != pack.name() || fit.matched == 0; });
  const auto best = std::ranges::max_element(fits, {}, &Fit::matched);
  if (best == fits.end()) return std::nullopt;
  const auto ties =
      std::ranges::count_if(fits, [&](const Fit& f) { return f.matched == best->matched && f.side != best->side; });
  if (ties > 0) return std::nullopt;
  return Found{best->side, fmt::format("{} of {} names fit it", best->matched, best->total)};
}

Result<Found> side_by_binding(const RulePack& pack, const TensorStore& checkpoint, const BindOptions& options,
                              Diagnostics& diags) {
  const auto& [left, right] = pack.sides();
  const auto on_left = named_on(pack, left, checkpoint, options, diags);
  const auto on_right = named_on(pack, right, checkpoint, options, diags);
  const std::size_t total = checkpoint.tensors().size();
  if (on_left.value_or(0) != on_right.value_or(0)) {
    const bool is_left = on_left.value_or(0) > on_right.value_or(0);
    return Found{is_left ? left : right,
                 fmt::format("{} of {} names are on it", *(is_left ? on_left : on_right), total)};
  }
  // A pack that cannot be bound at all says why itself.
  if (!on_left && !on_right && !bind(pack, options, diags)) return diags.failed();
  const std::string where(checkpoint.where());
  return report(diags, FilePlace{where, {}}, diag::WhichWay,
                fmt::format("cannot tell whether `{}` is the side `{}` or `{}` of the pack `{}`", where, left, right,
                            pack.name()))
      .help(fmt::format("give the side to make: --to {} or --to {}", left, right));
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
    reasons.push_back(fmt::format("side {}, as told", from));
    return Recognised{*std::move(pack), from, std::move(reasons)};
  }
  const auto& record = neighbours.record;
  if (record && record->pack == pack->name() && std::ranges::count(pack->sides(), record->side) != 0) {
    reasons.push_back(fmt::format("side {}, by its rulec.json", record->side));
    return Recognised{*std::move(pack), record->side, std::move(reasons)};
  }
  std::optional<Found> side;
  if (is_bundled(name->name)) side = side_by_fit(*pack, checkpoint, options, diags);
  if (!side) {
    Result<Found> bound = side_by_binding(*pack, checkpoint, options, diags);
    if (!bound) return diags.failed();
    side = *std::move(bound);
  }
  reasons.push_back(fmt::format("side {}, {}", side->name, side->reason));
  return Recognised{*std::move(pack), side->name, std::move(reasons)};
}

const std::string& opposite(const RulePack& pack, const std::string& side) {
  return pack.sides()[0] == side ? pack.sides()[1] : pack.sides()[0];
}

Status check_side(const RulePack& pack, const std::string& side, Diagnostics& diags) {
  if (std::ranges::count(pack.sides(), side) != 0) return Done{};
  return report(diags, {}, diag::UnknownSide, pack.name(), side)
      .help(fmt::format("its sides are {}", fmt::join(pack.sides(), " and ")));
}

void complete(BindOptions& options, const Neighbours& neighbours) {
  if (options.preset.empty()) options.configs.insert(neighbours.configs.begin(), neighbours.configs.end());
  if (neighbours.record) options.options.insert(neighbours.record->options.begin(), neighbours.record->options.end());
}

}  // namespace rulec::cli
