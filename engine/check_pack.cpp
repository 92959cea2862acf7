// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/bind/inputs.h"
#include "engine/check/check.h"
#include "engine/check/hygiene.h"
#include "engine/guard.h"
#include "engine/pack/trace.h"
#include "engine/store/tensor_list.h"

#include <rulec/check.h>

namespace rulec {
namespace {

struct Proved {
  std::string preset;
  GatheredInputs gathered;
  Pack pack;
};

class PackCheck {
 public:
  PackCheck(const RulePack& pack, const BindOptions& options, Diagnostics& diags)
      : rules_(pack.rules()), options_(options), diags_(diags) {}

  Result<int> run() {
    const std::size_t before = diags_.all().size();
    const std::size_t errors = diags_.errors();
    for (const std::string& preset : presets()) {
      model(preset);
      if (diags_.errors() > errors) break;  // the next model would mostly say the same again
    }
    // Models and layouts say the same in other words; what follows is said once, and may be said twice of one place.
    diags_.deduplicate(before);
    if (diags_.errors() == errors) {
      lint_text(rules_, diags_);
      lint_hard_coded_sizes(rules_, numbers_, diags_);
      if (is_whole_pack()) lint_empty_ranges(trace_, diags_);
      squares();
      one_way();
      unused_permissions();
    }
    if (diags_.errors() > errors) return diags_.failed();
    return models_;
  }

 private:
  /// Whether all models that the pack knows are looked at: what never happens in one of them may happen in another.
  bool is_whole_pack() const {
    return (options_.preset.empty() || options_.preset == "all") && options_.configs.empty() &&
           options_.checkpoints.empty();
  }

  std::vector<std::string> presets() const {
    if (!options_.preset.empty() && options_.preset != "all") return {options_.preset};
    std::vector<std::string> names;
    if (options_.configs.empty() && options_.checkpoints.empty()) {
      for (const PresetFiles& preset : rules_.presets) names.push_back(preset.name);
    }
    if (names.empty()) names.emplace_back();
    return names;
  }

  /// One model in all its layouts.
  void model(const std::string& preset) {
    BindOptions options = options_;
    options.preset = preset;
    if (!options.checkpoints.empty()) {
      against_checkpoints(options);
      return;
    }
    std::vector<Proved> layouts;
    const std::size_t errors = diags_.errors();
    Inputs given;
    for (const auto& [name, text] : options_.options) given.options[name] = Value(text);
    const Layouts choices = rulec::layouts(rules_, given);
    report_untried(rules_, choices, diags_);
    for (const Layout& chosen : choices.tried) {
      Result<GatheredInputs> gathered = gather_inputs(rules_, options, diags_);
      if (!gathered) return;
      gathered->inputs.options.insert(chosen.begin(), chosen.end());
      trace_.fallbacks.clear();
      Result<Pack> pack = elaborate(rules_, gathered->inputs, trace_, diags_);
      if (!pack) continue;
      lint_fallbacks(rules_, gathered->inputs, trace_, diags_);
      prove(*pack);
      layouts.push_back({preset, *std::move(gathered), *std::move(pack)});
    }
    if (!layouts.empty()) {
      if (!preset.empty()) numbers_.push_back(config_numbers(rules_, layouts.front().gathered.inputs));
      remember_squares(layouts);
      if (diags_.errors() == errors) lists(preset, layouts);
    }
  }

  void prove(const Pack& pack) {
    ++models_;
    (void)prove_coverage(pack, used_, diags_);
    (void)check_numbers(pack, cache_, used_, diags_);
    lint_siblings(pack, used_, diags_);
    for (const Family& family : pack.families) {
      for (const Permission& permission : family.permissions) permissions_.emplace(permission.span, permission);
      if (family.arrow != ast::Arrow::Both)
        one_way_[number(family.arrow == ast::Arrow::Right ? SideId::Right : SideId::Left)].insert(family.span);
    }
  }

  void against_checkpoints(const BindOptions& options) {
    RulePack pack(std::shared_ptr<const Rules>(&rules_, [](const Rules*) {}));
    Result<Model> model = bind(pack, options, diags_);
    if (!model) return;
    prove(model->pack());
    for (const auto& [side, store] : options.checkpoints) {
      if (const auto id = rules_.side(side))
        (void)check_catalogue(model->pack(), *id, store->tensors(), store->where(), diags_);
    }
  }

  /// The preset's lists of tensors: each is held against the layouts that fit it best.
  void lists(const std::string& preset, const std::vector<Proved>& layouts) {
    const auto files = std::ranges::find(rules_.presets, preset, &PresetFiles::name);
    if (files == rules_.presets.end()) return;
    for (const auto& [file, printed] : files->files) {
      if (!file.ends_with(".tensors")) continue;
      const std::optional<SideId> side = rules_.side(std::string_view(file).substr(0, file.find_first_of("_.")));
      const std::optional<std::string> text = rules_.folder.read(fmt::format("presets/{}/{}", preset, file));
      if (!side || !text) continue;
      Result<std::vector<TensorInfo>> list = parse_tensor_list(diags_.sources().add(printed, *text), diags_);
      if (!list) continue;
      std::vector<FitScore> scores;
      for (const Proved& layout : layouts) {
        Inputs inputs = layout.gathered.inputs;
        inputs.catalogues = {};
        inputs.catalogues[number(*side)] = *list;
        scores.push_back(score(layout.pack, inputs));
      }
      const auto best =
          std::ranges::max_element(scores, [](const FitScore& a, const FitScore& b) { return b.names_better_than(a); });
      for (std::size_t i = 0; i < layouts.size(); ++i) {
        if (!best->names_better_than(scores[i])) (void)check_catalogue(layouts[i].pack, *side, *list, printed, diags_);
      }
    }
  }

  void remember_squares(const std::vector<Proved>& layouts) {
    std::vector<SquarePair> pairs = square_pairs(layouts.front().pack);
    const auto key = [](const SquarePair& p) { return std::tuple(p.rule, p.first, p.second); };
    if (first_model_) {
      squares_ = std::move(pairs);
      first_model_ = false;
      return;
    }
    std::erase_if(squares_, [&](const SquarePair& kept) {
      return std::ranges::none_of(pairs, [&](const SquarePair& p) { return key(p) == key(kept); });
    });
  }

  void squares() {
    for (const SquarePair& pair : squares_) {
      report(diags_, pair.first_place, diag::SquareAxes, pair.first, pair.second, pair.size)
          .label(fmt::format("of size {}", pair.size))
          .also(pair.second_place, "and so is this")
          .note("a missing transpose would load without an error and produce nonsense")
          .help(fmt::format("confirm with a value test in which {} and {} differ", pair.first, pair.second));
    }
  }

  void one_way() {
    for (const SideId side : BothSides) {
      const std::size_t count = one_way_[number(side)].size();
      if (count == 0) continue;
      report(diags_, {}, diag::OneWaySummary,
             fmt::format("{} {} written towards `{}` only; the way back does not read {}", count,
                         count == 1 ? "rule is" : "rules are", rules_.sides[number(side)], count == 1 ? "it" : "them"));
    }
  }

  void unused_permissions() {
    for (const auto& [span, permission] : permissions_) {
      if (used_.contains(span)) continue;
      report(diags_, span, diag::UnusedSuppression, permission.id).help("delete it");
    }
  }

  const Rules& rules_;
  const BindOptions& options_;
  Diagnostics& diags_;
  RoundTripCache cache_;
  UsedPermissions used_;
  std::map<Span, Permission> permissions_;
  std::array<std::set<Span>, 2> one_way_;
  std::vector<SquarePair> squares_;
  std::vector<ConfigNumbers> numbers_;  // by preset
  Trace trace_;                         // fallbacks of one layout, ranges of all
  bool first_model_ = true;
  int models_ = 0;
};

}  // namespace

Result<int> check(const RulePack& pack, const BindOptions& options, Diagnostics& diags) {
  return guarded(diags, pack.sources(), [&] {
    const CallerBindOptions given(options);
    return PackCheck(pack, given.get(), diags).run();
  });
}

namespace {

std::vector<RuleClass> find_classes(const Model& model) {
  std::vector<RuleClass> result;
  RoundTripCache cache;
  std::set<std::size_t> seen;
  const Pack& pack = model.pack();
  for (const Piece& piece : pack.pieces) {
    if (piece.kind != PieceKind::Copy || !seen.insert(piece.family).second) continue;
    const Numbers& numbers = pack.numbers[pack.forms[piece.form].numbers];
    RuleClass row;
    row.rule = pack.families[piece.family].span;
    row.left = pack.tensors[0][static_cast<std::size_t>(piece.tensor[0])].name;
    row.right = pack.tensors[1][static_cast<std::size_t>(piece.tensor[1])].name;
    row.to_left = describe(round_trip(numbers, SideId::Right, DType::Bf16, cache));
    row.to_right = describe(round_trip(numbers, SideId::Left, DType::Bf16, cache));
    result.push_back(std::move(row));
  }
  return result;
}

}  // namespace

Result<std::vector<RuleClass>> classes(const Model& model, Diagnostics& diags) {
  return guarded(diags, model.sources(), [&]() -> Result<std::vector<RuleClass>> { return find_classes(model); });
}

}  // namespace rulec
