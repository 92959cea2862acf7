// SPDX-License-Identifier: Apache-2.0
// Sizes without a config. Names tell how far the loops run; stored shapes tell the rest: every other unknown size is
// elaborated as a prime of its own, so that each axis of each tensor factors into the names that it is made of, and the
// stored extents solve them. Both depend on the layout, so that a layout is tried as a whole.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "engine/bind/inputs.h"
#include "engine/bind/loop_lengths.h"
#include "engine/bind/loop_names.h"
#include "engine/bind/word_keys.h"
#include "engine/rules/definitions.h"
#include "engine/tensor/name_numbers.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Large primes, so that no size that is known is a multiple of one by chance.
constexpr std::array<std::int64_t, 40> Primes{10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079, 10091, 10093,
                                              10099, 10103, 10111, 10133, 10139, 10141, 10151, 10159, 10163, 10169,
                                              10177, 10181, 10193, 10211, 10223, 10243, 10247, 10253, 10259, 10267,
                                              10271, 10273, 10289, 10301, 10303, 10313, 10321, 10331, 10333, 10337};

using Options = std::map<std::string, Value, std::less<>>;

class Solver {
 public:
  Solver(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags)
      : rules_(rules), gathered_(gathered), diags_(diags), others_(list_names(rules)) {
    for (const auto& [name, values] : word_keys(rules)) others_.insert(name);
  }

  /// Fails if a stored shape cannot be what the rules say, whatever the size.
  Status run() {
    if (preset_that_fits()) return Done{};
    find_unknown();
    find_loops();
    if ((unknown_.empty() && loops_.empty()) || unknown_.size() > Primes.size()) return Done{};
    const std::map<std::string, Misfit> misfits = solve_in_best_layout();
    adopt();
    const std::size_t errors = diags_.errors();
    for (const auto& [name, misfit] : misfits) report_misfit(name, misfit);
    if (diags_.errors() > errors) return diags_.failed();
    return Done{};
  }

  std::vector<std::string> open_values() {
    std::set<std::string> open = direct_keys();
    for (const auto& [name, definition] : rules_.definitions) {
      if (is_unknown(name, definition)) open.insert(name);
    }
    std::erase_if(open, [&](const std::string& name) { return gathered_.inputs.values.contains(name); });
    return {open.begin(), open.end()};
  }

  std::size_t count_alike(SideId side, Loops loops) {
    find_unknown();
    find_loops();
    if (loops == Loops::Short) loops_ = loop_names(rules_);
    std::size_t most = 0;
    if (unknown_.size() > Primes.size()) return most;
    given_ = gathered_.inputs.options;
    std::vector<Options> tries;
    if (!open_options(rules_, with_options(given_), ast::Option::Type::Set).empty()) tries.push_back(layout_by_names());
    for (const Layout& layout : layouts(rules_, gathered_.inputs).tried) {
      tries.push_back(given_);
      tries.back().insert(layout.begin(), layout.end());
    }
    std::unordered_map<std::string, std::size_t> stored;  // by names without numbers, how many
    for (const TensorInfo& tensor : gathered_.inputs.catalogues[number(side)]) ++stored[without_numbers(tensor.name)];
    for (const Options& options : tries) {
      const std::optional<Pack> pack = with_short_loops(rules_, with_options(options), loops_, diags_);
      if (!pack) continue;
      std::set<std::string> kinds;
      for (const Tensor& tensor : pack->tensors[number(side)]) kinds.insert(without_numbers(tensor.name));
      std::size_t alike = 0;
      for (const auto& [kind, tensors] : stored) alike += kinds.contains(kind) ? tensors : 0;
      most = std::max(most, alike);
    }
    return most;
  }

 private:
  void find_unknown() {
    for (const auto& [name, definition] : rules_.definitions) {
      if (is_unknown(name, definition)) unknown_.push_back(name);
    }
  }

  /// A key of a config that nobody gave.
  bool is_unknown(const std::string& name, const Definition& definition) const {
    const auto* config = std::get_if<ast::Config>(&rules_.statement(definition).node);
    return config != nullptr && !gathered_.inputs.values.contains(name) && !others_.contains(name) &&
           std::ranges::all_of(config->sections, [&](const ast::Key& section) {
             return gathered_.inputs.configs[number(*rules_.side(section.parts.front().text))] == nullptr;
           });
  }

  /// The one preset under which every stored tensor has its name and its shape.
  bool preset_that_fits() {
    std::vector<std::string> fitting;
    for (const PresetFiles& preset : rules_.presets) {
      if (fits(preset.name, false)) fitting.push_back(preset.name);
    }
    if (fitting.size() != 1) return false;
    if (!take_preset(rules_, fitting.front(), gathered_, diags_)) return false;
    gathered_.decisions.push_back(
        fmt::format("sizes are those of the preset {}: every stored name and shape fits", fitting.front()));
    return true;
  }

  /// Whether a preset agrees with the stored shapes, or with the sizes solved so far.
  bool fits(const std::string& preset, bool solved_only) {
    GatheredInputs trial;
    trial.inputs = gathered_.inputs;
    trial.inputs.names_no_more = true;  // most presets are of other models, some of which have very many tensors
    const std::size_t before = diags_.all().size();
    const bool taken = static_cast<bool>(take_preset(rules_, preset, trial, diags_)) &&
                       static_cast<bool>(detect_options(rules_, trial, diags_));
    std::optional<Pack> pack = taken ? try_elaborate(rules_, trial.inputs, diags_) : std::nullopt;
    diags_.truncate(before);
    if (!pack) return false;
    if (solved_only) {
      Inputs without = trial.inputs;
      for (const auto& [name, value] : solved_) without.values.erase(name);
      pack = try_elaborate(rules_, without, diags_);
      if (!pack) return false;
      return std::ranges::all_of(pack->sizes, [&](const UsedSize& size) {
        const auto known = solved_.find(size.name);
        return known == solved_.end() || known->second == size.value;
      });
    }
    std::size_t stored = 0;
    for (const auto& catalogue : trial.inputs.catalogues) stored += catalogue.size();
    const FitScore found = score(*pack, trial.inputs);
    return found.missing == 0 && found.shapes == found.names && found.names > 0 && stored >= found.names;
  }

  /// Unknown sizes that loops run to are no axes to begin with.
  void find_loops() {
    const std::set<std::string> keys = direct_keys();
    for (const std::string& name : loop_names(rules_)) {
      const bool is_open = std::ranges::find(unknown_, name) != unknown_.end() || keys.contains(name);
      if (is_open) loops_.insert(name);
    }
    std::erase_if(unknown_, [&](const std::string& name) { return loops_.contains(name); });
  }

  /// Everything has a value but the loops that are not solved.
  Inputs with_primes() const {
    Inputs trial = gathered_.inputs;
    trial.is_trial = true;
    for (std::size_t i = 0; i < unknown_.size(); ++i) trial.values[unknown_[i]] = Rational{Primes[i], 1};
    for (const auto& [name, size] : solved_) trial.values[name] = Rational{size, 1};
    for (const std::string& key : direct_keys()) {
      if (!loops_.contains(key)) trial.values.try_emplace(key, Rational{1, 1});
    }
    return trial;
  }

  /// `hf.query_pre_attn_scalar` and the like: keys that rules read without a name. They are numbers, never axes, as far
  /// as solving goes.
  std::set<std::string> direct_keys() const {
    std::set<std::string> keys;
    for (const ast::File& file : rules_.files) {
      for (std::size_t e = 0; e < file.exprs.size(); ++e) {
        const auto* key = std::get_if<ast::Key>(&file.exprs[e].node);
        if (key == nullptr || key->parts.size() < 2) continue;
        const auto side = rules_.side(key->parts.front().text);
        if (!side || gathered_.inputs.configs[number(*side)] != nullptr) continue;
        const std::string name = dotted(*key);
        if (!has_default(file, static_cast<ast::ExprId>(e)) && !others_.contains(name)) keys.insert(name);
      }
    }
    return keys;
  }

  /// A stored axis that is no multiple of the sizes known to be factors of it.
  struct Misfit {
    Span rule;  // where it names the tensor
    std::string tensor;
    Shape stored;
    std::size_t axis = 0;
    std::int64_t factor = 1;
  };

  void report_misfit(const std::string& name, const Misfit& misfit) {
    report(diags_, misfit.rule, diag::NotDivisible, misfit.stored[misfit.axis], misfit.factor)
        .note(fmt::format("`{}` is stored as {}; nobody gave {}, which would be the {} cells of axis {}, divided by {}",
                          misfit.tensor, to_string(misfit.stored), name, misfit.stored[misfit.axis], misfit.axis,
                          misfit.factor))
        .help("the rule does not describe this tensor, or the other factors of the axis are those of another model");
  }

  /// Sizes as one layout has them, and how well they explain the checkpoint.
  struct Attempt {
    Options options;
    std::map<std::string, std::int64_t> solved;
    FitScore fit;
    std::map<std::string, Misfit> misfits;  // by the size that they would have told, for want of it

    bool explains_all() const { return fit.missing == 0 && fit.shapes == fit.names; }
  };

  /// Names tell options, before any size is known, but not `int` options, which move axes.
  std::map<std::string, Misfit> solve_in_best_layout() {
    given_ = gathered_.inputs.options;
    std::optional<Attempt> best = attempt(layout_by_names());
    for (const std::string& name : open_options(rules_, with_options(given_), ast::Option::Type::Int)) {
      for (const std::int64_t value : {0, 1, 2, 3}) {
        if (!best || best->explains_all()) break;
        Options options = best->options;
        options[name] = Rational{value, 1};
        const std::optional<Attempt> other = attempt(options);
        if (other && other->fit.better_than(best->fit)) best = other;
      }
    }
    gathered_.inputs.options = given_;
    if (!best) return {};
    solved_ = best->solved;
    // Once more by the way that is taken with a config, which says how it found the layout.
    GatheredInputs told;
    told.inputs = with_primes();
    const std::size_t before = diags_.all().size();
    (void)detect_options(rules_, told, diags_);
    diags_.truncate(before);
    gathered_.inputs.options = told.inputs.options;
    gathered_.inputs.options.insert(best->options.begin(), best->options.end());
    gathered_.decisions.insert(gathered_.decisions.end(), told.decisions.begin(), told.decisions.end());
    return best->misfits;
  }

  Inputs with_options(const Options& options) const {
    Inputs trial = with_primes();
    trial.options = options;
    return trial;
  }

  /// Loops, then axes, in one layout; nothing if the rules cannot be satisfied.
  std::optional<Attempt> attempt(const Options& options) {
    solved_.clear();
    misfits_.clear();
    gathered_.inputs.options = options;
    const std::optional<LoopLengths> lengths = loop_lengths(rules_, with_primes(), loops_, diags_);
    if (!lengths) return std::nullopt;
    solved_ = *lengths;
    solve_axes();
    const Inputs trial = with_primes();
    const std::optional<Pack> pack = try_elaborate(rules_, trial, diags_);
    if (!pack) return std::nullopt;
    std::erase_if(misfits_, [&](const auto& misfit) { return solved_.contains(misfit.first); });
    return Attempt{options, solved_, score(*pack, trial), misfits_};
  }

  /// The values of the options with which names look most like the stored ones, whatever the numbers in them.
  Options layout_by_names() {
    std::set<std::string> stored;
    for (const SideId side : BothSides) {
      for (const TensorInfo& tensor : gathered_.inputs.catalogues[number(side)])
        stored.insert(kind_of(side, tensor.name));
    }
    Options best = given_;
    std::optional<FitScore> fit = looks(stored, best);
    const auto try_values = [&](ast::Option::Type type, const auto& values_of) {
      for (const std::string& name : open_options(rules_, with_options(given_), type)) {
        for (const Value& value : values_of(name)) {
          Options options = best;
          options[name] = value;
          const std::optional<FitScore> other = looks(stored, options);
          if (!other || (fit && !other->names_better_than(*fit))) continue;
          fit = other;
          best = std::move(options);
        }
      }
    };
    try_values(ast::Option::Type::Set, [&](const std::string& name) { return set_values(rules_, name); });
    try_values(ast::Option::Type::Bool, [](const std::string&) { return std::vector<Value>{false, true}; });
    return best;
  }

  std::optional<FitScore> looks(const std::set<std::string>& stored, const Options& options) {
    const std::optional<Pack> pack = with_short_loops(rules_, with_options(options), loops_, diags_);
    if (!pack) return std::nullopt;
    std::set<std::string> kinds;
    for (const SideId side : BothSides) {
      if (gathered_.inputs.catalogues[number(side)].empty()) continue;
      for (const Tensor& tensor : pack->tensors[number(side)]) kinds.insert(kind_of(side, tensor.name));
    }
    FitScore fit;
    for (const std::string& kind : kinds) ++(stored.contains(kind) ? fit.names : fit.missing);
    return fit;
  }

  static std::string kind_of(SideId side, std::string_view name) {
    return (side == SideId::Left ? "<" : ">") + without_numbers(name);
  }

  /// Each pass solves the axes that have one unknown left.
  void solve_axes() {
    for (bool progress = true; progress;) {
      progress = false;
      const Inputs trial = with_primes();
      const std::optional<Pack> pack = try_elaborate(rules_, trial, diags_);
      if (!pack) return;
      for (const SideId side : BothSides) {
        for (const TensorInfo& stored : trial.catalogues[number(side)]) {
          const auto index = pack->find(side, stored.name);
          if (!index || pack->tensors[number(side)][*index].shape.size() != stored.shape.size()) continue;
          const Shape& shape = pack->tensors[number(side)][*index].shape;
          for (std::size_t d = 0; d < shape.size(); ++d) {
            const std::optional<UnknownFactor> unknown = unknown_factor(shape[d]);
            if (!unknown) continue;
            if (stored.shape[d] % unknown->factor == 0) {
              solved_[unknown->name] = stored.shape[d] / unknown->factor;
              progress = true;
            } else {
              misfits_.try_emplace(unknown->name,
                                   Misfit{pack->place(side, *index), stored.name, stored.shape, d, unknown->factor});
            }
          }
        }
      }
    }
  }

  /// The one unknown size that an axis is a multiple of, and the known rest.
  struct UnknownFactor {
    std::string name;
    std::int64_t factor = 1;
  };
  std::optional<UnknownFactor> unknown_factor(std::int64_t symbolic) const {
    std::optional<std::size_t> which;
    for (std::size_t i = 0; i < unknown_.size(); ++i) {
      if (solved_.contains(unknown_[i]) || symbolic == 0 || symbolic % Primes[i] != 0) continue;
      if (which) return std::nullopt;
      which = i;
    }
    if (!which) return std::nullopt;
    const std::int64_t factor = symbolic / Primes[*which];
    if (factor == 0 || factor % Primes[*which] == 0) return std::nullopt;
    return UnknownFactor{unknown_[*which], factor};
  }

  /// What shapes do not tell comes from the one preset that agrees with all they do tell.
  void adopt() {
    if (solved_.empty()) return;
    std::vector<std::string> fitting;
    for (const PresetFiles& preset : rules_.presets) {
      if (fits(preset.name, true)) fitting.push_back(preset.name);
    }
    std::vector<std::string> parts;
    for (const auto& [name, size] : solved_) {
      gathered_.inputs.values[name] = Rational{size, 1};
      parts.push_back(fmt::format("{} = {}", name, size));
    }
    gathered_.decisions.push_back(
        fmt::format("sizes solved from the stored names and shapes: {}", fmt::join(parts, ", ")));
    if (fitting.size() == 1 && take_preset(rules_, fitting.front(), gathered_, diags_)) {
      gathered_.decisions.push_back(fmt::format("what shapes do not tell is that of the preset {}", fitting.front()));
    }
  }

  const Rules& rules_;
  GatheredInputs& gathered_;
  Diagnostics& diags_;
  std::vector<std::string> unknown_;  // axes
  std::set<std::string> others_;      // lists and words, which are no sizes
  std::set<std::string> loops_;       // what loops run to
  Options given_;
  std::map<std::string, std::int64_t> solved_;
  std::map<std::string, Misfit> misfits_;
};

}  // namespace

Status solve_sizes(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags) {
  return Solver(rules, gathered, diags).run();
}

std::vector<std::string> open_values(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags) {
  return Solver(rules, gathered, diags).open_values();
}

std::size_t count_alike(const Rules& rules, GatheredInputs& gathered, SideId side, Loops loops, Diagnostics& diags) {
  return Solver(rules, gathered, diags).count_alike(side, loops);
}

}  // namespace rulec
