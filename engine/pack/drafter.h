// SPDX-License-Identifier: Apache-2.0
// One rule for one value of its indices: paths, sizes and hooks are evaluated and put into the draft.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/pack/draft.h"
#include "engine/pack/evaluator.h"

namespace rulec {

/// What stands in front of the paths of a rule, on both sides.
using Prefixes = std::array<PathValue, 2>;

/// A loop at one of its values. Borrowed from the walk, which is inside of it.
struct Loop {
  const FamilyIndex* index = nullptr;
  std::int64_t value = 0;
};

/// What stands around a statement.
struct Surroundings {
  std::vector<Loop> loops;    ///< outermost first
  std::size_t uses = 0;       ///< how many `use` statements
  std::size_t use_path = 0;   ///< which, as `Drafter::use_path` numbers them; 0 if there are none
  std::optional<Span> block;  ///< the header of the innermost `A -> B {`
  int conditions = 0;         ///< how many `when`s and guards
  bool is_measured = false;   ///< a guard leaves it out: it counts for the lengths of index axes only
};

class Drafter {
 public:
  Drafter(Evaluator& evaluator, const Inputs& inputs) : evaluator_(evaluator), inputs_(inputs) {}

  /// The number of the `use` statements around a block's body: those of `outer`, then `use`.
  std::size_t use_path(std::size_t outer, const ast::Statement& use);

  /// Adds an instance of `rule`, and its family if that is the first one.
  Status add(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule, const Prefixes& prefixes,
             const Surroundings& around);

  /// When all is drafted: whether every axis that brackets name is one of some tensor. Errors: R0412.
  Status check_brackets();

  Draft& draft() { return draft_; }

 private:
  using Paths = std::array<std::vector<PathValue>, 2>;
  using Patterns = std::array<std::vector<SizedPattern>, 2>;

  /// An axis that brackets stack along. A tensor of too few axes has it behind its last, as scalars and vectors have;
  /// one tensor at least is to be large enough.
  struct StackedAxis {
    BracketValue first;
    std::int64_t last_axis = 0;  ///< of the largest tensor that is stacked along it
    bool is_reached = false;
  };

  DraftFamily& family(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule,
                      const Surroundings& around);
  DraftFamily new_family(const ast::File& file, const ast::Statement& statement, const ast::Rule& rule,
                         const Surroundings& around) const;
  Status fill(const ast::File& file, const ast::Rule& rule, const Prefixes& prefixes, AxisTable& axes,
              const Surroundings& around, DraftFamily& draft);
  Result<Paths> paths(const ast::File& file, const ast::Rule& rule, const Prefixes& prefixes);
  Status size_sides(const ast::File& file, const ast::Rule& rule, const Paths& paths, AxisTable& axes, Variant& variant,
                    Patterns& patterns);
  Result<SizedPattern> size_term(const ast::File& file, const ast::Rule& rule, SideId side, std::size_t term,
                                 const Paths& paths, AxisTable& axes, Variant& variant);
  Result<double> constant(const ast::File& file, const ast::Side& side);
  SizedPattern as_stored(const Paths& paths, AxisTable& axes, Variant& variant);
  void stack(SizedPattern& pattern, const std::vector<BracketValue>& brackets, bool shape_known);
  void record(DraftFamily& draft, Variant variant, const Paths& paths, const Patterns& patterns,
              const Surroundings& around, bool is_settled);
  Result<bool> record_settled(const ast::File& file, DraftFamily& draft, const Paths& paths, const PathValue& prefix,
                              const Surroundings& around);
  Result<bool> find_operands(const ast::File& file, const SettledVariant& settled, const Variant& variant,
                             const PathValue& prefix);
  void find_slots(const SettledVariant::Term& term, const std::vector<BracketValue>& brackets);
  bool names_too_many() const;
  void add_term(DraftFamily& draft, SideId side, std::string_view name, const std::vector<Slot>& slots,
                const std::vector<SlotPlace>& places);
  static void add_instance(DraftFamily& draft, DraftInstance instance, const Surroundings& around);

  Diagnostics& diags() { return evaluator_.diags(); }

  Evaluator& evaluator_;
  const Inputs& inputs_;
  Draft draft_;
  std::map<std::int64_t, StackedAxis> stacked_;
  using StatementInUse = std::pair<std::size_t, const ast::Statement*>;  // by the `use`s around it
  std::map<StatementInUse, std::size_t> use_paths_;
  std::map<StatementInUse, std::size_t> known_;  // families
  std::vector<Slot> slots_;                      // of the term that is recorded
  std::vector<PathValue> operand_paths_;         // of the instance that is recorded
};

}  // namespace rulec
