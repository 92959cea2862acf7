// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "engine/bind/inputs.h"
#include "engine/check/check.h"
#include "engine/check/hygiene.h"
#include "engine/check/squares.h"
#include "engine/graph/graph.h"
#include "engine/guard.h"
#include "engine/pack/trace.h"
#include "engine/store/tensor_list.h"
#include "grammar/messages.h"

#include <rulec/check.h>

namespace rulec {
namespace {

/// How many wordings are tried for one list and layout.
constexpr std::size_t MostWordings = 64;

struct Proved {
  std::string preset;
  GatheredInputs gathered;
  Pack pack;
};

class PackCheck {
 public:
  PackCheck(const RulePack& pack, const BindOptions& options, Diagnostics& diags)
      : rules_(pack.rules()), options_(options), diags_(diags), before_(diags.all().size()) {}

  Result<int> run() {
    const std::size_t errors = diags_.errors();
    for (const std::string& preset : presets()) {
      model(preset);
      if (diags_.errors() > errors) break;  // the next model would mostly say the same again
    }
    if (diags_.errors() == errors) {
      lint_text(rules_, diags_);
      lint_hard_coded_sizes(rules_, numbers_, diags_);
      if (is_whole_pack()) lint_empty_ranges(trace_, diags_);
      squares_.report(rules_, is_whole_pack() ? "in every preset" : "in this model", diags_);
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
    const Layout* excluded = nullptr;
    const std::size_t errors = diags_.errors();
    Inputs given;
    for (const auto& [name, text] : options_.options) given.options[name] = Value(text);
    const Layouts choices = rulec::layouts(rules_, given);
    report_untried(rules_, choices, diags_);
    for (const Layout& chosen : choices.tried) {
      const std::size_t filed = diags_.all().size();
      Result<GatheredInputs> gathered = gather_inputs(rules_, options, diags_);
      if (!gathered) return;
      gathered->inputs.options.insert(chosen.begin(), chosen.end());
      trace_.fallbacks.clear();
      Result<Pack> pack = elaborate(rules_, gathered->inputs, trace_, diags_);
      if (!pack) {
        if (is_excluded(diags_, filed)) {
          excluded = &chosen;
          diags_.truncate(filed);
        }
        diags_.forget_repeated(before_, filed);
        continue;
      }
      lint_fallbacks(rules_, gathered->inputs, trace_, diags_);
      prove(*pack);
      // Models and layouts say the same in other numbers.
      diags_.forget_repeated(before_, filed);
      layouts.push_back({preset, *std::move(gathered), *std::move(pack)});
    }
    if (layouts.empty() && excluded != nullptr) report_excluded(options, *excluded);
    if (!layouts.empty()) {
      if (!preset.empty()) numbers_.push_back(config_numbers(rules_, layouts.front().gathered.inputs));
      std::vector<const Pack*> packs;
      for (const Proved& layout : layouts) packs.push_back(&layout.pack);
      squares_.add(packs, used_);
      if (diags_.errors() == errors) lists(preset, layouts);
    }
  }

  /// A model without any layout.
  void report_excluded(const BindOptions& options, const Layout& layout) {
    Result<GatheredInputs> gathered = gather_inputs(rules_, options, diags_);
    if (!gathered) return;
    gathered->inputs.options.insert(layout.begin(), layout.end());
    (void)elaborate(rules_, gathered->inputs, trace_, diags_);
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
      if (const auto id = rules_.side(side)) against_checkpoint(*model, *id, *store);
    }
  }

  /// What a conversion would find before it reads a byte: names, shapes, then the types that arrive.
  void against_checkpoint(const Model& model, SideId side, const TensorStore& store) {
    const std::optional<DType> expected = model.config_dtype(rules_.sides[number(side)]);
    if (!check_catalogue(model.pack(), side, store.tensors(), store.where(), expected, diags_)) return;
    const std::optional<DType> asked = model.config_dtype(rules_.sides[number(other(side))]);
    (void)build_graph(model.pack(), other(side), {store.tensors(), std::string(store.where()), asked, false, {}},
                      diags_);
  }

  /// A list of the preset's tensors.
  struct List {
    SideId side{};
    std::string where;
    std::vector<TensorInfo> tensors;
  };

  std::vector<List> read_lists(const std::string& preset) {
    std::vector<List> lists;
    const auto files = std::ranges::find(rules_.presets, preset, &PresetFiles::name);
    if (files == rules_.presets.end()) return lists;
    for (const auto& [file, printed] : files->files) {
      if (!file.ends_with(".tensors")) continue;
      const std::optional<SideId> side = rules_.side(std::string_view(file).substr(0, file.find_first_of("_.")));
      const std::optional<std::string> text = rules_.folder.read(fmt::format("presets/{}/{}", preset, file));
      if (!side || !text) continue;
      Result<std::vector<TensorInfo>> list = parse_tensor_list(diags_.sources().add(printed, *text), diags_);
      if (list) lists.push_back({*side, printed, *std::move(list)});
    }
    return lists;
  }

  static FitScore score_of(const Pack& pack, Inputs inputs, const List& list) {
    inputs.catalogues = {};
    inputs.catalogues[number(list.side)] = list.tensors;
    return score(pack, inputs);
  }
  static FitScore score_of(const Proved& layout, const List& list) {
    return score_of(layout.pack, layout.gathered.inputs, list);
  }

  /// Whether a list says the same of two layouts: they store the same on a side and ignore the same.
  static bool are_alike(const Pack& a, const Pack& b, SideId side) {
    const auto same = [](const Tensor& x, const Tensor& y) {
      return x.name == y.name && x.shape == y.shape && x.shape_known == y.shape_known;
    };
    const auto ignored = [&](const Pack& pack) {
      std::set<std::string_view> globs;
      for (const IgnoredGlob& ignored : pack.ignored) {
        if (ignored.side == side) globs.insert(ignored.glob);
      }
      return globs;
    };
    return std::ranges::equal(a.tensors[number(side)], b.tensors[number(side)], same) &&
           types_by_cast(a, side) == types_by_cast(b, side) && ignored(a) == ignored(b);
  }

  /// The preset's lists of tensors: each is held against the layouts that fit it best, once where these store the same.
  /// Where options leave layouts out, those lists are left out that fit these.
  void lists(const std::string& preset, const std::vector<Proved>& layouts) {
    const std::vector<List> all = read_lists(preset);
    for (const List& list : all) {
      std::vector<const Pack*> held;  // layouts that the list was held against
      std::vector<FitScore> scores;
      for (const Proved& layout : layouts) scores.push_back(score_of(layout, list));
      const auto best =
          std::ranges::max_element(scores, [](const FitScore& a, const FitScore& b) { return b.names_better_than(a); });
      for (std::size_t i = 0; i < layouts.size(); ++i) {
        const bool is_of_another = !options_.options.empty() && std::ranges::any_of(all, [&](const List& other) {
          return other.side == list.side && score_of(layouts[i], other).names_better_than(scores[i]);
        });
        if (best->names_better_than(scores[i]) || is_of_another) continue;
        const auto is_alike = [&](const Pack* pack) { return are_alike(layouts[i].pack, *pack, list.side); };
        if (std::ranges::any_of(held, is_alike)) continue;
        held.push_back(&layouts[i].pack);
        const std::size_t filed = diags_.all().size();
        const std::optional<Worded> worded = as_worded(list, layouts[i], scores[i]);
        if (worded && worded->is_of_another) continue;
        (void)check_catalogue(worded ? worded->pack : layouts[i].pack, list.side, as_given(list, layouts[i]),
                              list.where, std::nullopt, diags_);
        diags_.forget_repeated(before_, filed);
      }
    }
  }

  struct Worded {
    Pack pack;
    bool is_of_another = false;  ///< the list is of a model with another value of an option than was asked for
  };

  static bool is_perfect(const FitScore& score, const List& list) {
    const std::size_t all = list.tensors.size();
    return score.names == all && score.missing == 0 && score.shapes == all;
  }

  /// Other values of one option of texts, then of two.
  std::vector<Layout> wordings() const {
    std::vector<Layout> single;
    for (const std::string& name : open_options(rules_, {}, ast::Option::Type::Set)) {
      for (const Value& value : set_values(rules_, name)) single.push_back({{name, value}});
    }
    std::vector<Layout> all = single;
    for (std::size_t i = 0; i < single.size(); ++i) {
      for (std::size_t k = i + 1; k < single.size(); ++k) {
        Layout both = single[i];
        if (both.insert(*single[k].begin()).second) all.push_back(std::move(both));
      }
    }
    all.resize(std::min(all.size(), MostWordings));
    return all;
  }

  /// A layout with the options of texts that fit the list better, if the layout does not fit it. Where only shapes do,
  /// the options must change nothing else: the rules of another wording, which are right, would hide those that are
  /// not.
  std::optional<Worded> as_worded(const List& list, const Proved& layout, FitScore score) {
    if (is_perfect(score, list)) return std::nullopt;
    std::optional<Worded> best;
    const auto is_so = [&](const auto& option) { return layout.pack.options.at(option.first) == option.second; };
    for (const Layout& wording : wordings()) {
      if (std::ranges::any_of(wording, is_so)) continue;  // with fewer options it is another one, or the layout's own
      Inputs inputs = layout.gathered.inputs;
      for (const auto& [name, value] : wording) inputs.options[name] = value;
      std::optional<Pack> pack = try_elaborate(rules_, inputs, diags_);
      if (!pack) continue;
      const FitScore found = score_of(*pack, inputs, list);
      const bool is_about_shapes = !found.names_better_than(score);
      const Pack& now = best ? best->pack : layout.pack;
      if (!found.better_than(score) || (is_about_shapes && !are_alike(*pack, now, other(list.side)))) continue;
      score = found;
      const bool is_perfect = PackCheck::is_perfect(score, list);
      const bool is_given =
          std::ranges::any_of(wording, [&](const auto& option) { return options_.options.contains(option.first); });
      best = Worded{*std::move(pack), is_perfect && is_given};
      if (is_perfect) break;
    }
    return best;
  }

  /// A list is of the options that its model has. With others that are given, such as another axis to stack along, its
  /// tensors have other shapes: those that the rules make, if they make what the list has with the model's own.
  std::vector<TensorInfo> as_given(const List& list, const Proved& layout) {
    std::vector<TensorInfo> tensors = list.tensors;
    Inputs own = layout.gathered.inputs;
    std::erase_if(own.options, [&](const auto& option) {
      return options_.options.contains(option.first) && !std::holds_alternative<bool>(option.second);
    });
    if (own.options == layout.gathered.inputs.options) return tensors;
    const std::optional<Pack> usual = try_elaborate(rules_, own, diags_);
    for (TensorInfo& tensor : tensors) {
      const auto then = usual ? usual->find(list.side, tensor.name) : std::nullopt;
      const auto now = layout.pack.find(list.side, tensor.name);
      if (then && now && usual->tensors[number(list.side)][*then].shape == tensor.shape)
        tensor.shape = layout.pack.tensors[number(list.side)][*now].shape;
    }
    return tensors;
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
  std::size_t before_;  // what was filed before
  RoundTripCache cache_;
  UsedPermissions used_;
  std::map<Span, Permission> permissions_;
  std::array<std::set<Span>, 2> one_way_;
  SquareAxes squares_;
  std::vector<ConfigNumbers> numbers_;  // by preset
  Trace trace_;                         // fallbacks of one layout, ranges of all
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
    if (piece.kind == PieceKind::Pad || !seen.insert(piece.family).second) continue;
    const Numbers& numbers = pack.numbers[pack.forms[piece.form].numbers];
    const auto name = [&](SideId side) {
      const std::int32_t tensor = piece.tensor[number(side)];
      return tensor < 0 ? fmt::format("{}", piece.constant)
                        : pack.tensors[number(side)][static_cast<std::size_t>(tensor)].name;
    };
    const auto words = [&](SideId start) {
      // A constant is no tensor: nothing can start there.
      if (piece.tensor[number(start)] < 0) return std::string("one-way");
      if (piece.kind == PieceKind::Constant) return describe({}, quotient(pack, piece.family, start));
      return describe(round_trip(numbers, start, DType::Bf16, cache), quotient(pack, piece.family, start));
    };
    RuleClass row;
    row.rule = pack.families[piece.family].span;
    row.left = name(SideId::Left);
    row.right = name(SideId::Right);
    row.to_left = words(SideId::Right);
    row.to_right = words(SideId::Left);
    result.push_back(std::move(row));
  }
  return result;
}

}  // namespace

Result<std::vector<RuleClass>> classes(const Model& model, Diagnostics& diags) {
  return guarded(diags, model.sources(), [&]() -> Result<std::vector<RuleClass>> { return find_classes(model); });
}

}  // namespace rulec
