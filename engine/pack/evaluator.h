// SPDX-License-Identifier: Apache-2.0
// Evaluates expressions: local names first, then the pack's namespace, then configs. Definitions are evaluated when
// they are used, and once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/pack/pack.h"
#include "engine/rules/rules.h"
#include "engine/rules/value.h"

namespace rulec {

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
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Evaluator& evaluator_;
    std::size_t size_;
    std::size_t base_;
  };

  /// Adds a local name to the innermost scope.
  void add(Binding binding) { locals_.push_back(std::move(binding)); }

  /// Reports R0201 for `what`, at the key that was looked for last if one was, else at `span`.
  Reported report_no_value(Span span, std::string_view what);

  /// Whether something that depends on an index was read since the flag was last taken; clears it.
  bool take_touched() { return std::exchange(touched_, false); }
  void touch() { touched_ = true; }

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
  Result<Value> node(const ast::File& file, Span span, const ast::Call& call);
  Result<Value> node(const ast::File& file, Span span, const ast::Unary& unary);
  Result<Value> node(const ast::File& file, Span span, const ast::Binary& binary);
  Result<Value> node(const ast::File& file, Span span, const ast::Conditional& conditional);
  Result<Value> logical(const ast::File& file, const ast::Binary& binary);
  Result<Value> built_in(const ast::Call& call, std::span<const Value> arguments, Span span);
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
  std::vector<std::string> chain_;  // definitions in progress
  std::optional<MissingKey> missing_;
  std::optional<Span> config_span_;  // of the config value that was read last
  std::set<std::pair<std::uint32_t, std::uint32_t>> reported_;
  bool touched_ = false;
};

}  // namespace rulec
