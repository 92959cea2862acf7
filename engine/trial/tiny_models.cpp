// SPDX-License-Identifier: Apache-2.0
#include "engine/trial/tiny_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "engine/bind/loop_names.h"
#include "engine/bind/word_keys.h"
#include "engine/check/check.h"
#include "engine/pack/evaluator.h"
#include "engine/rules/definitions.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// How often sizes are drawn: packs with several divisibilities need up to a thousand.
constexpr int MostDraws = 4000;
/// Where a model was looked for in vain, half as often next time, down to this.
constexpr int FewestDraws = 1000;
/// How many models that elaborate are looked at before one with equal axes, or a large one, is taken.
constexpr int Candidates = 40;
/// Cells of a model that is small enough: it goes there and back some times.
constexpr std::int64_t FewCells = 1'000'000;
/// More count as so many.
constexpr std::int64_t TooManyCells = std::int64_t{1} << 40;

/// The first draw takes these in turn: ascending primes, so that products differ too; without 2, since four layers make
/// two pairs.
constexpr std::array<std::int64_t, 23> Primes{3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37, 41,
                                              43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89};
constexpr std::array<std::int64_t, 12> LoopSizes{4, 6, 8, 12, 3, 9, 5, 10, 7, 2, 16, 1};

class Drawer {
 public:
  Drawer(const Rules& rules, const Inputs& base, const Values& fixed, Diagnostics& diags)
      : rules_(rules),
        base_(base),
        fixed_(fixed),
        diags_(diags),
        random_(20240627),
        loops_(loop_names(rules)),
        lists_(list_names(rules)),
        words_(word_keys(rules)) {
    pin_options();
  }

  /// Whether a `require` of the pack fails by what is fixed, options and configs among it: no sizes would help. Says
  /// so.
  bool is_ruled_out() {
    const std::size_t before = diags_.all().size();
    Evaluator evaluator(rules_, base_, diags_);
    const ast::File& file = rules_.files.front();
    for (const ast::StatementId id : file.body) {
      const auto* require = std::get_if<ast::Require>(&file[id].node);
      if (require == nullptr) continue;
      const Result<Value> value = evaluator.evaluate(file, require->condition);
      diags_.truncate(before);
      if (!value || *value != Value(false)) continue;
      const Span span = file[require->condition].span;
      Finding finding = report(diags_, span, diag::RequireFailed, diags_.sources().text(span));
      if (require->why) finding.note(*require->why);
      return true;
    }
    return false;
  }

  std::optional<TinyModel> run(const std::vector<ProvenSizes>& proven, int draws) {
    find_sizes();
    for (const ProvenSizes& sizes : proven) {
      if (std::optional<TinyModel> model = with(sizes)) return model;
    }
    std::optional<TinyModel> best;
    Rank best_rank;
    int found = 0;
    for (int draw = 0; draw < draws && found < Candidates; ++draw) {
      Inputs trial = drawn(draw);
      std::optional<Pack> pack = proved(trial);
      if (!pack) continue;
      ++found;
      // Who fixes sizes has worked out what becomes of them: that needs no axes that tell each other apart.
      const Rank rank{fixed_.empty() ? equal_axes(*pack) : 0, pack->families.size(), cells_of(*pack)};
      if (!best || rank.is_better_than(best_rank)) {
        best_rank = rank;
        best = TinyModel{std::move(trial), *std::move(pack), rank.cells};
      }
      if (best_rank.equal_axes == 0 && best_rank.cells <= FewCells && draw + 1 >= word_draws()) break;
    }
    if (!best) report_first();
    return best;
  }

 private:
  /// How good a model is to test with: no equal axes first, then many rules, then few cells.
  struct Rank {
    std::size_t equal_axes = 0;
    std::size_t rules = 0;
    std::int64_t cells = 0;
    bool is_better_than(const Rank& o) const {
      if (equal_axes != o.equal_axes) return equal_axes < o.equal_axes;
      return rules > o.rules || (rules == o.rules && cells < o.cells);
    }
  };

  /// The model of sizes that another was proved with, if all that would be drawn is among them.
  std::optional<TinyModel> with(const ProvenSizes& proven) {
    Inputs trial = base_;
    trial.is_trial = true;
    for (const std::vector<std::string>* names : {&loop_sizes_, &axis_sizes_, &drawn_words_}) {
      for (const std::string& name : *names) {
        const auto value = proven.values.find(name);
        if (value == proven.values.end()) return std::nullopt;
        trial.values[name] = value->second;
      }
    }
    std::optional<Pack> pack = proved(trial);
    if (!pack || cells_of(*pack) != proven.cells || equal_axes(*pack) > 0) return std::nullopt;
    return TinyModel{std::move(trial), *std::move(pack), proven.cells};
  }

  /// So many draws see every truth with every other, and as many words.
  int word_draws() const { return 1 << std::min<std::size_t>(drawn_words_.size(), 5); }

  /// The pack of these sizes. Those that leave holes are no model, though every rule can be worked out.
  std::optional<Pack> proved(const Inputs& trial) {
    std::optional<Pack> pack = try_elaborate(rules_, trial, diags_);
    if (!pack || pack->pieces.empty()) return std::nullopt;
    UsedPermissions used;
    const std::size_t before = diags_.all().size();
    const bool is_covered = static_cast<bool>(prove_coverage(*pack, used, diags_));
    diags_.truncate(before);
    return is_covered ? std::move(pack) : std::nullopt;
  }

  void report_first() {
    const Result<Pack> pack = elaborate(rules_, drawn(0), diags_);
    UsedPermissions used;
    if (pack) (void)prove_coverage(*pack, used, diags_);
  }

  /// Options read configs, and what is fixed; what they are is settled before sizes change.
  void pin_options() {
    for (const auto& [name, value] : fixed_) {
      const Definition* definition = rules_.find(name);
      (definition != nullptr && definition->kind == DefinitionKind::Option ? base_.options : base_.values)[name] =
          value;
    }
    const std::size_t before = diags_.all().size();
    Evaluator evaluator(rules_, base_, diags_);
    for (const auto& [name, definition] : rules_.definitions) {
      if (definition.kind != DefinitionKind::Option || base_.options.contains(name)) continue;
      if (Result<Value> value = evaluator.option(name)) base_.options[name] = *std::move(value);
    }
    diags_.truncate(before);
  }

  bool has_config(const std::string& side) const { return base_.configs[number(*rules_.side(side))] != nullptr; }

  /// What sizes are read from: entries of `config` blocks, and keys that stand in rules. With a config at hand, those
  /// that are whole numbers in it.
  void find_sizes() {
    const std::size_t before = diags_.all().size();
    Evaluator evaluator(rules_, base_, diags_);
    for (const auto& [name, definition] : rules_.definitions) {
      const auto* config = std::get_if<ast::Config>(&rules_.statement(definition).node);
      if (config == nullptr || fixed_.contains(name)) continue;
      const bool given = std::ranges::any_of(
          config->sections, [&](const ast::Key& section) { return has_config(section.parts.front().text); });
      if (!given) {
        add_unknown(name);
      } else if (const Result<Value> value = evaluator.name({name, definition.span}); value && is_size(*value)) {
        add_size(name);
      }
    }
    for (const auto& [name, value] : base_.values) {
      if (!fixed_.contains(name) && is_size(value)) add_size(name);
    }
    for (const ast::File& file : rules_.files) add_keys(file, evaluator);
    diags_.truncate(before);
  }

  void add_keys(const ast::File& file, Evaluator& evaluator) {
    for (std::size_t e = 0; e < file.exprs.size(); ++e) {
      const auto* key = std::get_if<ast::Key>(&file.exprs[e].node);
      if (key == nullptr || key->parts.size() < 2 || !rules_.side(key->parts.front().text)) continue;
      if (has_config(key->parts.front().text)) {
        const Result<Value> value = evaluator.evaluate(file, static_cast<ast::ExprId>(e));
        if (value && is_size(*value)) add_size(dotted(*key));
      } else if (!has_default(file, static_cast<ast::ExprId>(e))) {
        add_unknown(dotted(*key));
      }
    }
  }

  /// A name that no config has a value for: a size, unless rules take it for something else.
  void add_unknown(const std::string& name) {
    if (!lists_.contains(name)) words_.contains(name) ? add_word(name) : add_size(name);
  }

  void add_word(const std::string& name) {
    if (std::ranges::find(drawn_words_, name) == drawn_words_.end()) drawn_words_.push_back(name);
  }

  static bool is_size(const Value& value) {
    const auto* whole = std::get_if<Rational>(&value);
    return whole != nullptr && whole->is_whole();
  }

  void add_size(const std::string& name) {
    std::vector<std::string>& list = loops_.contains(name) ? loop_sizes_ : axis_sizes_;
    if (std::ranges::find(list, name) == list.end()) list.push_back(name);
  }

  /// The first draw is primes in turn; later ones are shuffled, from more and smaller numbers.
  Inputs drawn(int draw) {
    std::vector<std::int64_t> loops(LoopSizes.begin(), LoopSizes.end());
    std::vector<std::int64_t> axes(Primes.begin(), Primes.end());
    if (draw > 0) {
      for (const std::int64_t even : {2, 4, 6, 8, 9, 10, 12, 14, 15, 16, 18, 20, 24}) axes.push_back(even);
      std::ranges::sort(axes);
      axes.resize(std::min(axes.size(), axis_sizes_.size() + loop_sizes_.size() + 6));
      std::ranges::shuffle(axes, random_);
      // Few layers, unless that never works.
      std::shuffle(loops.begin(), loops.begin() + std::min<std::ptrdiff_t>(3 + draw / 100, std::ssize(loops)), random_);
    }
    Inputs trial = base_;
    trial.is_trial = true;
    for (std::size_t w = 0; w < drawn_words_.size(); ++w) {
      const std::vector<Value>& values = words_.at(drawn_words_[w]);
      trial.values[drawn_words_[w]] = values[(static_cast<std::size_t>(draw) >> w) % values.size()];
    }
    std::set<std::int64_t> taken;
    for (const auto& [name, value] : fixed_) {
      if (is_size(value)) taken.insert(std::get<Rational>(value).numerator);
    }
    assign(loop_sizes_, loops, taken, trial);
    assign(axis_sizes_, axes, taken, trial);
    return trial;
  }

  static void assign(const std::vector<std::string>& names, const std::vector<std::int64_t>& from,
                     std::set<std::int64_t>& taken, Inputs& trial) {
    std::size_t next = 0;
    for (const std::string& name : names) {
      while (next < from.size() && taken.contains(from[next])) ++next;
      const std::int64_t size = from[std::min(next, from.size() - 1)];
      taken.insert(size);
      trial.values[name] = Rational{size, 1};
    }
  }

  static std::int64_t cells_of(const Pack& pack) {
    std::int64_t count = 0;
    for (const auto& tensors : pack.tensors) {
      for (const Tensor& tensor : tensors) count += std::min(cells(tensor.shape).value_or(0), TooManyCells);
    }
    return count;
  }

  /// Pairs of axes of one length in one tensor: what a wrong order of axes hides behind.
  static std::size_t equal_axes(const Pack& pack) {
    std::size_t count = 0;
    for (const auto& tensors : pack.tensors) {
      for (const Tensor& tensor : tensors) {
        for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
          for (std::size_t k = i + 1; k < tensor.shape.size(); ++k) count += tensor.shape[i] == tensor.shape[k];
        }
      }
    }
    for (const PieceForm& form : pack.forms) {
      for (std::size_t i = 0; i < form.axes.size(); ++i) {
        for (std::size_t k = i + 1; k < form.axes.size(); ++k) count += form.axes[i].extent == form.axes[k].extent;
      }
    }
    return count;
  }

  const Rules& rules_;
  Inputs base_;
  const Values& fixed_;
  Diagnostics& diags_;
  std::mt19937_64 random_;
  std::set<std::string> loops_;  // names that loops run to
  std::set<std::string> lists_;
  std::vector<std::string> loop_sizes_;
  std::vector<std::string> axis_sizes_;
  std::map<std::string, std::vector<Value>> words_;
  std::vector<std::string> drawn_words_;
};

}  // namespace

TinyModels::TinyModels(const Rules& rules) : rules_(rules), draws_(MostDraws) {}

std::optional<TinyModel> TinyModels::find(const Inputs& base, const Values& fixed, Diagnostics& diags) {
  const std::size_t before = diags.all().size();
  Drawer drawer(rules_, base, fixed, diags);
  if (drawer.is_ruled_out()) return std::nullopt;
  std::optional<TinyModel> tiny = drawer.run(fixed.empty() ? proven_ : std::vector<ProvenSizes>(), draws_);
  if (!tiny) {
    if (!is_excluded(diags, before)) draws_ = std::max(draws_ / 2, FewestDraws);
    return std::nullopt;
  }
  draws_ = MostDraws;
  const bool is_known = std::ranges::find(proven_, tiny->cells, &ProvenSizes::cells) != proven_.end();
  if (fixed.empty() && !is_known) proven_.push_back({tiny->inputs.values, tiny->cells});
  return tiny;
}

std::string layout_text(const Layout& layout) {
  std::string text;
  for (const auto& [name, value] : layout)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, to_string(value));
  return text;
}

}  // namespace rulec
