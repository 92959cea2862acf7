// SPDX-License-Identifier: Apache-2.0
// Evaluates expressions: local names first, then the pack's namespace, then configs. Definitions are evaluated when
// they are used, and once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/pack/pack.h"
#include "engine/pack/trace.h"
#include "engine/rules/rules.h"
#include "engine/rules/value.h"

namespace rulec {

/// How deep definitions, expressions and paths may stand in one another. Each level takes some hundred bytes of stack.
inline constexpr std::int64_t MaxLevels = 1000;

/// How much work one elaboration may be: expressions evaluated, statements visited, names written, and so on. The
/// largest models take a tenth; a pack in which each definition doubles the one before takes whatever it is given.
inline constexpr std::int64_t MaxSteps = 50'000'000;

/// A local name: an index of a loop, a parameter, or a `let` in braces.
struct Binding {
  std::string name;
  Value value;
  bool is_index = false;
  std::int64_t extent = 0;           ///< of an index: the upper end of its loop
  std::optional<std::string> label;  ///< of an enumerated index: what it prints alone in a hole
  bool varies = false;               ///< depends on an index
  bool is_index_expression = false;  ///< an argument computed from an index: no axis
};

class Evaluator {
 public:
  Evaluator(const Rules& rules, const Inputs& inputs, Diagnostics& diags);

  /// The value of an expression; may be no value.
  Result<Value> evaluate(const ast::File& file, ast::ExprId expr);

  /// Conditions: no value is false. R0215 if it is no truth value.
  Result<bool> condition(const ast::File& file, ast::ExprId expr);

  /// A whole number; R0201 if there is no value, R0405 if it does not come out whole, R0215 if it is something else.
  /// `what` names it: `the end of a range`.
  Result<std::int64_t> whole(const ast::File& file, ast::ExprId expr, std::string_view what);

  /// The value of a name, as an axis or in a key of one part. Nothing if no such name exists (which `load_rules` has
  /// reported).
  Result<Value> name(const ast::Name& name);

  /// The innermost visible local name, or nullptr.
  const Binding* local(std::string_view name) const;

  /// Arguments of a call bound to parameters, in the scope of the call; defaults are read in the namespace.
  Result<std::vector<Binding>> bind(const ast::File& caller, const std::vector<ast::Argument>& arguments,
                                    const ast::File& callee, const std::vector<ast::Parameter>& parameters);

  /// A binding for one argument: an index stays an index.
  Result<Binding> bind_value(const ast::File& file, ast::ExprId expr, std::string name);

  /// Opens a scope that sees `bindings` and the namespace only (a block's body), or, with `inner`, what is visible now
  /// too (a loop's).
  class Scope {
   public:
    Scope(Evaluator& evaluator, std::vector<Binding> bindings, bool inner);
    Scope(Evaluator& evaluator, Binding binding);  ///< an inner one
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Evaluator& evaluator_;
    std::size_t size_;
    std::size_t base_;
  };

  /// One level of nesting, while it lives. `name` is that of the definition which is entered, if one is: it outlives
  /// the level.
  class Level {
   public:
    explicit Level(Evaluator& evaluator, std::string_view name = {}, int levels = 1);
    ~Level();
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Evaluator& evaluator_;
    int levels_;
    bool is_named_;
  };

  /// Names the statement that work is done for from here on.
  void work_for(Span statement) { statement_ = statement; }

  /// Asked at every level, and wherever else work is done: R0103 or R0213 if it nests too deep, R0411 for the statement
  /// if `steps` more are too many.
  Status admit(Span place, std::int64_t steps = 1);

  /// Something tried and withdrawn: what is reported while it lives is forgotten in the end, and so is what the
  /// evaluator remembers to have failed, which fails again with its message where it matters.
  class Trial {
   public:
    explicit Trial(Evaluator& evaluator);
    ~Trial();
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

   private:
    Evaluator& evaluator_;
    std::size_t diagnostics_;
    std::size_t failures_;
    std::size_t keys_;
    bool is_over_;
    bool touched_;
  };

  /// Adds a local name to the innermost scope.
  void add(Binding binding) { locals_.push_back(std::move(binding)); }

  /// Reports R0201 for `what`, at the key that was looked for last if one was, else at `span`. A key is reported once,
  /// and one only of a side without a config, which mends them all.
  Reported report_no_value(Span span, std::string_view what);

  /// Whether something that depends on an index was read since the flag was last taken; clears it.
  bool take_touched() { return std::exchange(touched_, false); }
  void touch() { touched_ = true; }

  /// The `use` statements around what is worked out, which messages about a block's body show.
  void enter_use(Span use) { block_uses_.push_back(use); }
  void leave_use() { block_uses_.pop_back(); }
  Finding from_uses(Finding finding) const;

  /// Whether keys of a side, such as `hf.hidden_size`, stand in an expression.
  bool reads_config(const ast::File& file, ast::ExprId expr) const;

  /// Shows the configs that the names of an expression have their values from.
  Finding citing(Finding finding, const ast::File& file, ast::ExprId expr) const;

  /// What was met so far.
  Trace& trace() { return trace_; }

  Diagnostics& diags() { return diags_; }
  const Rules& rules() const { return rules_; }

  /// Every size that was read from a name so far.
  std::vector<UsedSize> used_sizes() const;

  /// The value of an option.
  Result<Value> option(const std::string& name);

  /// Where in a config the value of a definition came from, if it was evaluated and did.
  std::optional<Span> config_of(std::string_view name) const;

 private:
  struct MissingKey {
    SideId side{};
    std::string key;
    std::vector<std::string> sections;
    Span span;
  };
  struct Memo {
    enum class State : std::uint8_t { InProgress, Known, Failed } state = State::InProgress;
    Value value;
    std::optional<Span> config;
    std::optional<MissingKey> missing;  // why there is no value
  };

  Result<Value> definition(const std::string& name, const Definition& definition, Span use);
  Result<Value> compute(const std::string& name, const Definition& definition);
  Result<Value> checked_option(const std::string& name, const ast::Option& option, Value value, Span place);
  Result<Value> node(const ast::File& file, Span span, const ast::Number& number);
  Result<Value> node(const ast::File& file, Span span, const ast::String& string);
  Result<Value> node(const ast::File& file, Span span, const ast::Bool& boolean);
  Result<Value> node(const ast::File& file, Span span, const ast::Key& key);
  Result<Value> node(const ast::File& file, Span span, const ast::Element& element);
  Result<const ConfigValue*> element_of(const ast::File& file, const ast::Element& element, const ConfigValue& section,
                                        std::int64_t at);
  Result<Value> node(const ast::File& file, Span span, const ast::Call& call);
  Result<Value> node(const ast::File& file, Span span, const ast::Unary& unary);
  Result<Value> node(const ast::File& file, Span span, const ast::Binary& binary);
  Result<Value> node(const ast::File& file, Span span, const ast::Conditional& conditional);
  Result<Value> defaulted(const ast::File& file, const ast::Binary& binary);
  Result<Value> logical(const ast::File& file, const ast::Binary& binary);
  Result<Value> built_in(const ast::Call& call, std::span<const Value> arguments, Span span);
  Reported report_too_deep(Span place);
  Reported wrong_type(Span span, std::string_view expected, const Value& found);
  Value config_value(SideId side, std::string_view dotted, Span span);
  Value section_value(const ast::Config& config, const ast::Key& key, Span span);
  const ConfigValue* descend(SideId side, const std::vector<ast::Name>& parts, std::size_t from) const;

  const Rules& rules_;
  const Inputs& inputs_;
  Diagnostics& diags_;
  std::vector<Binding> locals_;
  std::size_t base_ = 0;
  const ast::Config* config_ = nullptr;  // whose entries are being evaluated: bare words are its keys
  std::map<std::string, Memo, std::less<>> memos_;
  std::vector<std::string> failures_;    // whose memo is that they failed, in the order in which they did
  std::vector<std::string_view> chain_;  // definitions, functions, paths and hooks in progress
  std::optional<Span> statement_;
  std::int64_t levels_ = 0;
  std::int64_t steps_ = 0;
  bool is_over_ = false;  // the steps, and that was reported
  std::optional<MissingKey> missing_;
  std::optional<Span> config_span_;  // of the config value that was read last
  std::vector<MissingKey> reported_;
  bool touched_ = false;
  std::vector<Span> block_uses_;  // outermost first
  Trace trace_;
};

/// The number as a fraction: a double may come out whole exactly, as `sqrt(16)` or a config's `2.0` do. Nothing if it
/// is none.
std::optional<Rational> exact_number(const Value& value);

}  // namespace rulec
