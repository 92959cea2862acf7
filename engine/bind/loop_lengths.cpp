// SPDX-License-Identifier: Apache-2.0
#include "engine/bind/loop_lengths.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/pack/evaluator.h"
#include "engine/tensor/name_numbers.h"

namespace rulec {
namespace {

/// Longer loops have no partner in any checkpoint; longer axes are none that layers are stacked along.
constexpr std::int64_t MaxLength = 4096;
constexpr std::int64_t MaxStacked = 1024;

/// What other loops run to while one is tried: the first that the rules accept (`require L % 4 == 0`).
constexpr std::array<std::int64_t, 8> Short{2, 4, 6, 12, 1, 3, 8, 24};

/// How well a length fits.
struct LengthFit {
  std::size_t names = 0;
  std::size_t missing = 0;
  std::size_t extents = 0;  ///< axes that are as long as the stored ones

  bool is_named_less_well(const LengthFit& o) const {
    return std::tuple(names, o.missing) < std::tuple(o.names, missing);
  }
  bool operator<(const LengthFit& o) const {
    return std::tuple(names, o.missing, extents) < std::tuple(o.names, missing, o.extents);
  }
};

class LengthSolver {
 public:
  LengthSolver(const Rules& rules, const Inputs& base, const std::set<std::string>& names, Diagnostics& diags)
      : rules_(rules), base_(base), names_(names), diags_(diags) {}

  std::optional<LoopLengths> run() {
    count_names();
    count_extents();
    // Again, since a length that is found may change what another explains.
    for (std::size_t pass = 0; pass <= names_.size(); ++pass) {
      const LoopLengths before = lengths_;
      for (const std::string& name : names_) solve(name);
      if (lengths_ == before || names_.size() == 1) break;
    }
    lengths_.merge(fallback_);  // what nothing depends on
    if (lengths_.size() != names_.size()) return std::nullopt;
    return lengths_;
  }

 private:
  /// One more than the largest number at each place of the names that differ in numbers only.
  void count_names() {
    std::map<std::string, std::vector<std::int64_t>> largest;
    for (const auto& catalogue : base_.catalogues) {
      for (const TensorInfo& tensor : catalogue) {
        std::vector<std::int64_t>& numbers = largest[without_numbers(tensor.name)];
        std::size_t place = 0;
        each_number(tensor.name, [&](std::size_t begin, std::size_t end) {
          std::int64_t number = 0;
          for (std::size_t at = begin; at < end && number <= MaxLength; ++at)
            number = number * 10 + tensor.name[at] - '0';
          if (place == numbers.size()) numbers.push_back(0);
          numbers[place] = std::max(numbers[place], number);
          ++place;
        });
      }
    }
    for (const auto& [name, numbers] : largest) {
      for (const std::int64_t number : numbers) {
        if (number < MaxLength) named_.insert(number + 1);
      }
    }
  }

  void count_extents() {
    counts_ = named_;
    for (const auto& catalogue : base_.catalogues) {
      for (const TensorInfo& tensor : catalogue) {
        for (const std::int64_t extent : tensor.shape) {
          if (extent > 0 && extent <= MaxStacked) counts_.insert(extent);
        }
      }
    }
  }

  /// Lengths that are one of `counts`, or with which a loop runs to one: `0..L/2`.
  std::set<std::int64_t> candidates(const std::string& name, const std::set<std::int64_t>& counts) {
    std::set<std::int64_t> found = counts;
    if (counts.empty()) return found;
    const std::int64_t limit = std::min(MaxLength, 16 * *counts.rbegin());
    for (const std::int64_t others : Short) {
      const std::vector<End> ends = ends_that_follow(name, others);
      if (ends.empty()) continue;
      for (std::int64_t length = 1; length <= limit; ++length) {
        const std::vector<std::optional<std::int64_t>> runs = runs_to(ends, with(name, length, others));
        if (std::ranges::any_of(runs, [&](const auto& end) { return end && counts.contains(*end); }))
          found.insert(length);
      }
      break;
    }
    return found;
  }

  using End = std::pair<const ast::File*, ast::ExprId>;

  /// The ends of loops that grow with `name`. Both lengths are multiples of what loops are usually cut into.
  std::vector<End> ends_that_follow(const std::string& name, std::int64_t others) {
    std::vector<End> all;
    for (const ast::File& file : rules_.files) {
      for (const ast::Statement& statement : file.statements) {
        const auto* loop = std::get_if<ast::For>(&statement.node);
        if (loop == nullptr) continue;
        for (const ast::Binder& binder : loop->binders) {
          if (const auto* range = std::get_if<ast::Range>(&binder.values)) all.emplace_back(&file, range->end);
        }
      }
    }
    const auto before = runs_to(all, with(name, 840, others));
    const auto behind = runs_to(all, with(name, 1680, others));
    std::vector<End> following;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (before[i] && behind[i] && *before[i] != *behind[i]) following.push_back(all[i]);
    }
    return following;
  }

  /// What ends come to; nothing for those that are no whole numbers, or read what only a loop or a block gives.
  std::vector<std::optional<std::int64_t>> runs_to(const std::vector<End>& ends, const Inputs& trial) {
    const std::size_t before = diags_.all().size();
    Evaluator evaluator(rules_, trial, diags_);
    std::vector<std::optional<std::int64_t>> result;
    for (const auto& [file, expr] : ends) {
      const Result<Value> end = evaluator.evaluate(*file, expr);
      const auto* whole = end ? std::get_if<Rational>(&*end) : nullptr;
      const bool is_whole = whole != nullptr && whole->is_whole();
      result.push_back(is_whole ? std::optional(whole->numerator) : std::nullopt);
    }
    diags_.truncate(before);
    return result;
  }

  Inputs with(const std::string& name, std::int64_t length, std::int64_t others) const {
    Inputs trial = base_;
    for (const std::string& other : names_) {
      const auto found = lengths_.find(other);
      const bool is_short = found != lengths_.end() && found->second <= Short.back();
      trial.values[other] = Rational{is_short ? found->second : others, 1};
    }
    trial.values[name] = Rational{length, 1};
    return trial;
  }

  /// Takes the length that fits best. With some lengths of the others a loop may never run, so that nothing depends on
  /// it: then the next are tried.
  void solve(const std::string& name) {
    if (solve_by_names(name)) return;
    const std::set<std::int64_t> lengths = candidates(name, counts_);
    for (std::size_t first = 0; first < Short.size(); ++first) {
      const auto [best, worst] = extremes(name, lengths, first);
      if (!best) return;  // the rules accept no length
      fallback_.try_emplace(name, best->length);
      if (!(worst->fit < best->fit)) continue;
      lengths_[name] = best->length;
      return;
    }
  }

  /// Where names count, they tell a length by themselves: a longer loop names no more of what is stored, a shorter one
  /// no less that is missing. So lengths that are extents of some axis alone need no look, and each would be a model of
  /// many layers. Where nothing is counted, all lengths have the same names, and the axes tell.
  bool solve_by_names(const std::string& name) {
    std::set<std::int64_t> lengths = named_;
    if (!counts_.empty()) lengths.insert(*counts_.begin());
    const auto [best, worst] = extremes(name, candidates(name, lengths), 0);
    if (!best) return false;
    if (best->fit.names == 0) {  // nor does any axis tell, since only those of the same name are compared
      fallback_.try_emplace(name, best->length);
      return true;
    }
    if (!worst->fit.is_named_less_well(best->fit)) return false;
    lengths_[name] = best->length;
    return true;
  }

  struct Tried {
    LengthFit fit;
    std::int64_t length = 0;
  };

  /// The first of the lengths that fit best, and of those that fit worst; nothing if the rules accept none.
  std::pair<std::optional<Tried>, std::optional<Tried>> extremes(const std::string& name,
                                                                 const std::set<std::int64_t>& lengths,
                                                                 std::size_t first) {
    std::optional<Tried> best;
    std::optional<Tried> worst;
    for (const std::int64_t length : lengths) {
      const std::optional<LengthFit> fit = fit_of(name, length, first);
      if (!fit) continue;
      if (!best || best->fit < *fit) best = {*fit, length};
      if (!worst || *fit < worst->fit) worst = {*fit, length};
    }
    return {best, worst};
  }

  /// How well a length fits, with the others as short as the `first` of `Short`, or the next that the rules accept.
  std::optional<LengthFit> fit_of(const std::string& name, std::int64_t length, std::size_t first) {
    for (std::size_t i = 0; i < Short.size(); ++i) {
      const std::int64_t others = Short[(first + i) % Short.size()];
      const std::optional<Pack> pack = try_elaborate(rules_, with(name, length, others), diags_);
      if (pack) return fit_of(*pack);
    }
    return std::nullopt;
  }

  LengthFit fit_of(const Pack& pack) const {
    const FitScore named = score(pack, base_);
    LengthFit fit{named.names, named.missing, 0};
    for (const SideId side : BothSides) {
      for (const TensorInfo& stored : base_.catalogues[number(side)]) {
        const auto index = pack.find(side, stored.name);
        if (!index) continue;
        const Shape& shape = pack.tensors[number(side)][*index].shape;
        for (std::size_t d = 0; d < std::min(shape.size(), stored.shape.size()); ++d)
          fit.extents += shape[d] == stored.shape[d];
      }
    }
    return fit;
  }

  const Rules& rules_;
  const Inputs& base_;
  const std::set<std::string>& names_;
  Diagnostics& diags_;
  std::set<std::int64_t> named_;   // how many of something its names count
  std::set<std::int64_t> counts_;  // and its axes
  LoopLengths lengths_;
  LoopLengths fallback_;
};

}  // namespace

std::optional<Pack> with_short_loops(const Rules& rules, const Inputs& base, const std::set<std::string>& names,
                                     Diagnostics& diags) {
  for (const std::int64_t length : Short) {
    Inputs trial = base;
    for (const std::string& name : names) trial.values[name] = Rational{length, 1};
    if (std::optional<Pack> pack = try_elaborate(rules, trial, diags)) return pack;
  }
  return std::nullopt;
}

std::optional<LoopLengths> loop_lengths(const Rules& rules, const Inputs& base, const std::set<std::string>& names,
                                        Diagnostics& diags) {
  return LengthSolver(rules, base, names, diags).run();
}

}  // namespace rulec
