// SPDX-License-Identifier: Apache-2.0
// Sizes without a config. Names tell how far the loops run; stored shapes tell the rest: every unknown size is
// elaborated as a prime of its own, so that each axis of each tensor factors into the names that it is made of, and the
// stored extents solve them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "engine/bind/inputs.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// Large primes, so that no size that is known is a multiple of one by chance.
constexpr std::array<std::int64_t, 24> Primes{10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079,
                                              10091, 10093, 10099, 10103, 10111, 10133, 10139, 10141,
                                              10151, 10159, 10163, 10169, 10177, 10181, 10193, 10211};

class Solver {
 public:
  Solver(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags)
      : rules_(rules), gathered_(gathered), diags_(diags) {}

  void run() {
    if (preset_that_fits()) return;
    for (const auto& [name, definition] : rules_.definitions) {
      if (is_unknown(name, definition)) unknown_.push_back(name);
    }
    if (unknown_.empty() || unknown_.size() > Primes.size()) return;
    find_layout_and_loops();
    solve_axes();
    adopt();
  }

 private:
  /// A key of a config that nobody gave.
  bool is_unknown(const std::string& name, const Definition& definition) const {
    const auto* config = std::get_if<ast::Config>(&rules_.statement(definition).node);
    return config != nullptr && !gathered_.inputs.values.contains(name) &&
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

  Inputs with_primes() const {
    Inputs trial = gathered_.inputs;
    for (std::size_t i = 0; i < unknown_.size(); ++i) trial.values[unknown_[i]] = Rational{Primes[i], 1};
    for (const auto& [name, size] : solved_) trial.values[name] = Rational{size, 1};
    for (const std::string& key : direct_keys()) trial.values.try_emplace(key, Rational{1, 1});
    return trial;
  }

  /// `hf.query_pre_attn_scalar` and the like: keys that rules read without a name. They are numbers, never axes, as far
  /// as solving goes.
  std::set<std::string> direct_keys() const {
    std::set<std::string> keys;
    for (const ast::File& file : rules_.files) {
      for (const ast::Expr& expr : file.exprs) {
        const auto* key = std::get_if<ast::Key>(&expr.node);
        if (key == nullptr || key->parts.size() < 2) continue;
        const auto side = rules_.side(key->parts.front().text);
        if (!side || gathered_.inputs.configs[number(*side)] != nullptr || has_default(file, expr)) continue;
        std::string dotted;
        for (const ast::Name& part : key->parts) dotted += (dotted.empty() ? "" : ".") + part.text;
        keys.insert(dotted);
      }
    }
    return keys;
  }

  static bool has_default(const ast::File& file, const ast::Expr& key) {
    return std::ranges::any_of(file.exprs, [&](const ast::Expr& expr) {
      const auto* binary = std::get_if<ast::Binary>(&expr.node);
      return binary != nullptr && binary->op == ast::BinaryOp::Else && &file[binary->left] == &key;
    });
  }

  /// Names of sizes that the ends of loops read.
  std::vector<std::string> loop_names() const {
    std::vector<std::string> names;
    for (const ast::File& file : rules_.files) {
      for (const ast::Statement& statement : file.statements) {
        const auto* loop = std::get_if<ast::For>(&statement.node);
        if (loop == nullptr) continue;
        for (const ast::Binder& binder : loop->binders) {
          if (const auto* range = std::get_if<ast::Range>(&binder.values)) add_names(file, range->end, names);
        }
      }
    }
    return names;
  }

  void add_names(const ast::File& file, ast::ExprId expr, std::vector<std::string>& names) const {
    std::visit(Overloaded{
                   [&](const ast::Key& key) {
                     const std::string& name = key.parts.front().text;
                     const bool open = key.parts.size() == 1 && std::ranges::find(unknown_, name) != unknown_.end();
                     if (open && std::ranges::find(names, name) == names.end()) names.push_back(name);
                   },
                   [&](const ast::Binary& binary) {
                     add_names(file, binary.left, names);
                     add_names(file, binary.right, names);
                   },
                   [](const auto&) {},
               },
               file[expr].node);
  }

  /// One more than the largest number in any stored name, or the longest stored axis below 1,000 where layers are
  /// stacked.
  std::int64_t loop_limit() const {
    std::int64_t limit = 2;
    for (const auto& catalogue : gathered_.inputs.catalogues) {
      for (const TensorInfo& tensor : catalogue) {
        std::int64_t number = 0;
        for (const char c : tensor.name) {
          number = c >= '0' && c <= '9' && number < 100'000 ? number * 10 + (c - '0') : 0;
          limit = std::max(limit, number + 1);
        }
        for (const std::int64_t extent : tensor.shape) {
          if (extent < 256) limit = std::max(limit, 4 * extent);
        }
      }
    }
    return std::min<std::int64_t>(limit, 1024);
  }

  /// Loops and layout go together: tries every length, in every layout.
  void find_layout_and_loops() {
    const std::int64_t limit = loop_limit();
    for (const std::string& name : loop_names()) {
      std::optional<std::pair<FitScore, std::int64_t>> best;
      for (std::int64_t size = 1; size <= limit; ++size) {
        GatheredInputs trial;
        trial.inputs = with_primes();
        trial.inputs.values[name] = Rational{size, 1};
        const std::size_t before = diags_.all().size();
        (void)detect_options(rules_, trial, diags_);
        diags_.truncate(before);
        const std::optional<Pack> pack = try_elaborate(rules_, trial.inputs, diags_);
        if (!pack) continue;
        FitScore fit = score(*pack, trial.inputs);
        fit.shapes = agreeing_extents(*pack, trial.inputs);
        const bool better = !best || fit.names_better_than(best->first) ||
                            (!best->first.names_better_than(fit) && fit.shapes > best->first.shapes);
        if (!better) continue;
        best = {fit, size};
        gathered_.inputs.options = trial.inputs.options;
        layout_ = trial.decisions;
      }
      if (best) solved_[name] = best->second;
    }
    gathered_.decisions.insert(gathered_.decisions.end(), layout_.begin(), layout_.end());
  }

  /// Axes whose length follows from loops alone, and is the stored one.
  static std::size_t agreeing_extents(const Pack& pack, const Inputs& inputs) {
    std::size_t count = 0;
    for (const SideId side : BothSides) {
      for (const TensorInfo& stored : inputs.catalogues[number(side)]) {
        const auto index = pack.find(side, stored.name);
        if (!index) continue;
        const Shape& shape = pack.tensors[number(side)][*index].shape;
        for (std::size_t d = 0; d < std::min(shape.size(), stored.shape.size()); ++d)
          count += shape[d] == stored.shape[d];
      }
    }
    return count;
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
          for (std::size_t d = 0; d < shape.size(); ++d) progress |= solve_axis(shape[d], stored.shape[d]);
        }
      }
    }
  }

  bool solve_axis(std::int64_t symbolic, std::int64_t stored) {
    std::optional<std::size_t> which;
    for (std::size_t i = 0; i < unknown_.size(); ++i) {
      if (solved_.contains(unknown_[i]) || symbolic == 0 || symbolic % Primes[i] != 0) continue;
      if (which) return false;
      which = i;
    }
    if (!which) return false;
    const std::int64_t factor = symbolic / Primes[*which];
    if (factor == 0 || stored % factor != 0 || factor % Primes[*which] == 0) return false;
    solved_[unknown_[*which]] = stored / factor;
    return true;
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
  std::vector<std::string> unknown_;
  std::map<std::string, std::int64_t> solved_;
  std::vector<std::string> layout_;
};

}  // namespace

void solve_sizes(const Rules& rules, GatheredInputs& gathered, Diagnostics& diags) {
  Solver(rules, gathered, diags).run();
}

}  // namespace rulec
