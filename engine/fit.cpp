// SPDX-License-Identifier: Apache-2.0
// What a checkpoint may be, by names and shapes: nothing is proved, and values that they do not depend on may be
// unknown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "engine/bind/inputs.h"
#include "engine/bind/loop_names.h"
#include "engine/bind/word_keys.h"
#include "engine/config/config.h"
#include "engine/guard.h"
#include "engine/rules/definitions.h"

#include <rulec/check.h>

namespace rulec {
namespace {

/// A pack as far as a checkpoint tells it.
struct Look {
  Pack pack;
  std::map<std::string, std::int64_t> made_up;  ///< values that nothing tells
};

/// Large primes, so that what they are factors of is made up too.
constexpr std::array<std::int64_t, 16> Primes{20011, 20021, 20023, 20029, 20047, 20051, 20063, 20071,
                                              20089, 20101, 20107, 20113, 20117, 20123, 20129, 20143};

/// Makes up what neither a config nor a shape tells, as little as will do.
std::optional<Look> look_at(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags) {
  if (Result<Pack> pack = elaborate(rules, gathered, diags)) return Look{*std::move(pack), {}};
  const std::set<std::string> loops = loop_names(rules);
  std::map<std::string, std::int64_t> made_up;
  const std::map<std::string, std::vector<Value>> words = word_keys(rules);
  std::size_t next = 0;
  for (const std::string& name : open_values(rules, gathered, diags)) {
    if (words.contains(name)) continue;  // no size: the rules do without
    made_up[name] = loops.contains(name) ? 1 : Primes[next++ % Primes.size()];
  }
  const auto with = [&](const std::map<std::string, std::int64_t>& values) {
    Inputs trial = gathered.inputs;
    trial.is_trial = true;
    for (const auto& [name, value] : values) trial.values[name] = Rational{value, 1};
    return try_elaborate(rules, trial, diags);
  };
  std::optional<Pack> pack = with(made_up);
  if (!pack) return std::nullopt;
  for (const auto& [name, value] : std::map(made_up)) {
    auto fewer = made_up;
    fewer.erase(name);
    std::optional<Pack> without = with(fewer);
    if (!without) continue;
    made_up = std::move(fewer);
    pack = std::move(without);
  }
  return Look{*std::move(pack), std::move(made_up)};
}

/// Whether a stored shape is what the rules say, as far as they can.
bool has_shape(const Look& look, const Shape& ruled, const Shape& stored) {
  return std::ranges::equal(ruled, stored, [&](std::int64_t says, std::int64_t is) {
    return says == is ||
           std::ranges::any_of(look.made_up, [&](const auto& one) { return one.second > 1 && says % one.second == 0; });
  });
}

/// What a config calls it: `hf.head_dim` for `H`.
std::string key_of(const Rules& rules, const std::string& name) {
  const Definition* definition = rules.find(name);
  if (definition == nullptr) return name;
  const auto* config = std::get_if<ast::Config>(&rules.statement(*definition).node);
  if (config == nullptr) return name;
  const ast::File& file = rules.files[definition->file];
  const ast::ExprId expr = config->entries[definition->entry].value;
  const auto* binary = std::get_if<ast::Binary>(&file[expr].node);
  const auto* key = std::get_if<ast::Key>(&file[binary == nullptr ? expr : binary->left].node);
  return key == nullptr ? name : fmt::format("{}.{}", dotted(config->sections.back()), dotted(*key));
}

Fit no_fit(const Rules& rules, SideId side) {
  Fit fit;
  fit.pack = rules.name;
  fit.side = rules.sides[number(side)];
  return fit;
}

Fit measured(const Rules& rules, const Look& look, SideId side, std::span<const TensorInfo> catalogue) {
  Fit fit = no_fit(rules, side);
  for (const TensorInfo& tensor : catalogue) {
    const auto known = look.pack.find(side, tensor.name);
    fit.matched += known.has_value();
    fit.total += known || !look.pack.ignores(side, tensor.name);
    if (!known) continue;
    const Tensor& ruled = look.pack.tensors[number(side)][*known];
    fit.misshapen += ruled.shape_known && !has_shape(look, ruled.shape, tensor.shape);
  }
  fit.missing = look.pack.tensors[number(side)].size() - fit.matched;
  for (const auto& [name, value] : look.made_up) fit.unknown.push_back(key_of(rules, name));
  return fit;
}

/// Names alone: with the configs, which rules may look at, or else without.
Fit roughly(const Rules& rules, SideId side, const TensorStore& checkpoint, BindOptions options, Diagnostics& diags) {
  Fit fit = no_fit(rules, side);
  fit.is_rough = true;
  fit.total = checkpoint.tensors().size();
  options.options.clear();
  options.preset.clear();
  options.claims.clear();
  for (const bool with_configs : {true, false}) {
    if (!with_configs) options.configs.clear();
    Result<GatheredInputs> gathered = gather_inputs(rules, options, diags);
    if (gathered) fit.matched = std::max(fit.matched, count_alike(rules, *gathered, side, Loops::AsKnown, diags));
    if (fit.matched > 0 || options.configs.empty()) break;
  }
  return fit;
}

/// The options with the checkpoint on this side, and without configs of sides that the pack does not have.
BindOptions with_checkpoint(const Rules& rules, SideId side, const TensorStore& checkpoint, BindOptions options) {
  options.checkpoints = {{rules.sides[number(side)], &checkpoint}};
  std::erase_if(options.configs, [&](const auto& config) { return !rules.side(config.first); });
  return options;
}

/// A side that was looked at.
struct Fitted {
  Fit fit;
  bool is_elsewhere = false;  ///< the other side names a tensor of the checkpoint, too
};

/// How the checkpoint fits as `side`.
Fitted fit_of(const RulePack& pack, SideId side, const TensorStore& checkpoint, const BindOptions& given,
              Diagnostics& diags) {
  const Rules& rules = pack.rules();
  const std::size_t before = diags.all().size();
  const BindOptions options = with_checkpoint(rules, side, checkpoint, given);
  Result<GatheredInputs> gathered = find_inputs(rules, options, diags);
  std::optional<Look> look;
  if (gathered) look = look_at(rules, *gathered, diags);
  Fit fit =
      look ? measured(rules, *look, side, checkpoint.tensors()) : roughly(rules, side, checkpoint, options, diags);
  diags.truncate(before);
  const bool is_elsewhere = !look || std::ranges::any_of(checkpoint.tensors(), [&](const TensorInfo& tensor) {
    return look->pack.find(other(side), tensor.name).has_value();
  });
  return {std::move(fit), is_elsewhere};
}

/// How many tensors have names like some of a side, as far as short loops make them.
std::optional<std::size_t> count_of_kinds(const RulePack& pack, SideId side, const TensorStore& checkpoint,
                                          const BindOptions& given, Diagnostics& diags) {
  const std::size_t before = diags.all().size();
  Result<GatheredInputs> gathered =
      gather_inputs(pack.rules(), with_checkpoint(pack.rules(), side, checkpoint, given), diags);
  std::optional<std::size_t> count;
  if (gathered) count = count_alike(pack.rules(), *gathered, side, Loops::Short, diags);
  diags.truncate(before);
  return count;
}

/// A side that may be worth a look.
struct Candidate {
  RulePack pack;
  SideId side{};
  std::size_t matched = 0;  ///< roughly
};

/// The sides of bundled packs that name about as many tensors of the checkpoint as the best of them, numbers aside: to
/// look at all of them closely would take long, since sizes are solved for each. What cannot be loaded is left out.
std::vector<Candidate> alike(const TensorStore& checkpoint, const BindOptions& options, Diagnostics& diags) {
  std::vector<Candidate> candidates;
  std::size_t most = 0;
  const std::size_t before = diags.all().size();
  for (const std::string& name : bundled_packs()) {
    const Result<RulePack> pack = load_pack(name, diags);
    for (const SideId side : BothSides) {
      if (!pack) continue;
      const BindOptions here = with_checkpoint(pack->rules(), side, checkpoint, options);
      const std::size_t matched = roughly(pack->rules(), side, checkpoint, here, diags).matched;
      candidates.push_back({*pack, side, matched});
      most = std::max(most, matched);
    }
  }
  diags.truncate(before);
  std::erase_if(candidates, [&](const Candidate& one) { return one.matched == 0 || one.matched < most - most / 8; });
  return candidates;
}

Result<std::vector<Fit>> find_fits(const TensorStore& checkpoint,
                                   const std::map<std::string, std::filesystem::path>& configs, Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  for (const auto& [side, file] : configs) (void)read_config(file, diags);
  if (diags.errors() > errors) return diags.failed();
  BindOptions options;
  options.configs = configs;
  std::vector<Fit> fits;
  for (const Candidate& one : alike(checkpoint, options, diags)) {
    Fit fit = fit_of(one.pack, one.side, checkpoint, options, diags).fit;
    // Where values are made up, half a fit says nothing: many families share names.
    const bool is_known = !fit.is_rough && fit.unknown.empty() && fit.matched > 0;
    if (is_known || fit.is_full()) fits.push_back(std::move(fit));
  }
  std::ranges::stable_sort(fits, [](const Fit& a, const Fit& b) {
    const std::size_t left = a.matched * b.total;
    const std::size_t right = b.matched * a.total;
    return left > right || (left == right && a.missing < b.missing);
  });
  return fits;
}

}  // namespace

Result<std::vector<Fit>> fitting_packs(const TensorStore& checkpoint,
                                       const std::map<std::string, std::filesystem::path>& configs,
                                       Diagnostics& diags) {
  return guarded(diags, [&] { return find_fits(CallerStore(checkpoint), configs, diags); });
}

Result<std::optional<std::string>> side_by_names(const RulePack& pack, const TensorStore& checkpoint,
                                                 const BindOptions& options, Diagnostics& diags) {
  return guarded(diags, pack.sources(), [&]() -> Result<std::optional<std::string>> {
    const CallerStore store(checkpoint);
    const auto right = count_of_kinds(pack, SideId::Right, store, options, diags);
    const auto left = count_of_kinds(pack, SideId::Left, store, options, diags);
    const std::size_t all = store.tensors().size();
    if (all == 0 || !left || !right || *left + *right != all || (*left > 0 && *right > 0))
      return std::optional<std::string>();
    return std::optional(pack.sides()[number(*left > 0 ? SideId::Left : SideId::Right)]);
  });
}

Result<std::array<Fit, 2>> fitting_sides(const RulePack& pack, const TensorStore& checkpoint,
                                         const BindOptions& options, Diagnostics& diags) {
  return guarded(diags, pack.sources(), [&]() -> Result<std::array<Fit, 2>> {
    const CallerStore store(checkpoint);
    const Fitted right = fit_of(pack, SideId::Right, store, options, diags);
    // Where one side has all of it, a side that has none of it need not be worked out as if it might.
    if (right.fit.is_full() && !right.is_elsewhere) {
      Fit none = no_fit(pack.rules(), SideId::Left);
      none.total = right.fit.total;
      return std::array{std::move(none), right.fit};
    }
    return std::array{fit_of(pack, SideId::Left, store, options, diags).fit, right.fit};
  });
}

}  // namespace rulec
