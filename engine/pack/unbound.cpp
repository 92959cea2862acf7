// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/unbound.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "grammar/overloaded.h"

namespace rulec {
namespace {

void collect(const Evaluator& evaluator, const ast::File& file, ast::ExprId expr, std::vector<ast::Name>& names) {
  std::visit(Overloaded{
                 [&](const ast::Key& key) {
                   if (key.parts.size() != 1) return;
                   const ast::Name& name = key.parts.front();
                   const auto same = [&](const ast::Name& n) { return n.text == name.text; };
                   if (evaluator.local(name.text) != nullptr || evaluator.rules().find(name.text) != nullptr) return;
                   if (std::ranges::none_of(names, same)) names.push_back(name);
                 },
                 [&](const ast::Unary& unary) { collect(evaluator, file, unary.of, names); },
                 [&](const ast::Binary& binary) {
                   collect(evaluator, file, binary.left, names);
                   collect(evaluator, file, binary.right, names);
                 },
                 [](const auto&) {},
             },
             file[expr].node);
}

/// One piece of a template: fixed text, or a hole that prints a number.
struct Token {
  std::string text;
  std::optional<ast::ExprId> hole;
};

/// The template as a run of tokens; nothing if it is not made of text and holes only.
std::optional<std::vector<Token>> tokens_of(const ast::File& file, ast::TemplateId path, const std::string& prefix) {
  std::vector<Token> result{{prefix, std::nullopt}};
  for (const ast::Segment& segment : file[path].segments) {
    result.push_back({result.size() == 1 && prefix.empty() ? "" : ".", std::nullopt});
    for (const ast::Part& part : segment.parts) {
      if (const auto* text = std::get_if<ast::Text>(&part.node)) {
        result.push_back({text->text, std::nullopt});
      } else if (const auto* hole = std::get_if<ast::Hole>(&part.node)) {
        result.push_back({"", hole->index});
      } else {
        return std::nullopt;
      }
    }
  }
  return result;
}

using Assignment = std::vector<std::optional<std::int64_t>>;

/// A hole with one index. Index expressions in names are affine: two points give the line.
struct AffineHole {
  ast::ExprId expr{};
  std::size_t index = 0;  ///< of the names
  std::int64_t at_zero = 0;
  std::int64_t step = 0;
};

/// Holds one template against names.
class Matcher {
 public:
  Matcher(Evaluator& evaluator, const UnboundQuery& query, const std::vector<ast::Name>& names)
      : evaluator_(evaluator), file_(query.file), names_(names), as_prefix_(query.as_prefix) {}

  /// Whether the template can be matched at all: it is made of text and of holes that have one index each.
  bool take(ast::TemplateId path, const std::string& prefix) {
    span_ = file_[path].span;
    std::optional<std::vector<Token>> tokens = tokens_of(file_, path, prefix);
    if (!tokens) return false;
    tokens_ = *std::move(tokens);
    holes_.assign(tokens_.size(), {});
    for (std::size_t t = 0; t < tokens_.size(); ++t) {
      if (tokens_[t].hole && !take_hole(*tokens_[t].hole, holes_[t])) return false;
    }
    // What stands behind a token depends on the indices that were met before it and are met again.
    recurring_.assign(tokens_.size() + 1, std::vector<bool>(names_.size()));
    for (std::size_t t = tokens_.size(); t-- > 0;) {
      recurring_[t] = recurring_[t + 1];
      if (tokens_[t].hole) recurring_[t][holes_[t].index] = true;
    }
    return true;
  }

  /// The values with which the template prints `name`; empty if there are none.
  Result<Assignment> match(std::string_view name) {
    failed_.clear();
    Assignment values(names_.size());
    if (!match(0, name, 0, values)) values.clear();
    if (is_over_) return evaluator_.diags().failed();
    return values;
  }

 private:
  bool match(std::size_t token, std::string_view name, std::size_t from, Assignment& values) {
    for (; token < tokens_.size() && !tokens_[token].hole; ++token) {
      if (!name.substr(from).starts_with(tokens_[token].text)) return false;
      from += tokens_[token].text.size();
    }
    const std::string_view rest = name.substr(from);
    if (token == tokens_.size()) return rest.empty() || (as_prefix_ && rest.front() == '.');
    const Evaluator::Level level(evaluator_);
    // Holes side by side cut a run of digits in many ways; each tail is tried once for the same values.
    std::tuple<std::size_t, std::size_t, Assignment> key{token, from, values};
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!recurring_[token][i]) std::get<Assignment>(key)[i].reset();
    }
    if (failed_.contains(key)) return false;
    std::size_t digits = 0;
    while (digits < rest.size() && digits < 18 && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    for (std::size_t length = digits; length > 0; --length) {
      if (is_over_ |= !evaluator_.admit(span_); is_over_) return false;
      std::int64_t number = 0;
      std::from_chars(rest.data(), rest.data() + length, number);
      Assignment attempt = values;
      if (solve(holes_[token], number, attempt) && match(token + 1, name, from + length, attempt)) {
        values = std::move(attempt);
        return true;
      }
    }
    failed_.insert(std::move(key));
    return false;
  }

  bool take_hole(ast::ExprId expr, AffineHole& hole) {
    std::vector<ast::Name> inside;
    collect(evaluator_, file_, expr, inside);
    if (inside.size() != 1) return false;
    hole.expr = expr;
    hole.index =
        static_cast<std::size_t>(std::ranges::find(names_, inside.front().text, &ast::Name::text) - names_.begin());
    const std::optional<std::int64_t> zero = value_at(hole, 0);
    const std::optional<std::int64_t> one = value_at(hole, 1);
    if (!zero || !one || __builtin_sub_overflow(*one, *zero, &hole.step) || hole.step == 0) return false;
    hole.at_zero = *zero;
    return true;
  }

  /// Gives the index of `hole` the value that makes it `number`.
  bool solve(const AffineHole& hole, std::int64_t number, Assignment& values) {
    std::int64_t distance = 0;
    if (__builtin_sub_overflow(number, hole.at_zero, &distance) || distance == INT64_MIN) return false;
    if (distance % hole.step != 0) return false;
    const std::int64_t index = distance / hole.step;
    std::optional<std::int64_t>& value = values[hole.index];
    if (index < 0 || index == INT64_MAX || (value && *value != index) || value_at(hole, index) != number) return false;
    value = index;
    return true;
  }

  std::optional<std::int64_t> value_at(const AffineHole& hole, std::int64_t index) {
    const Evaluator::Trial trial(evaluator_);
    const Evaluator::Scope scope(
        evaluator_, {{names_[hole.index].text, Rational{index, 1}, true, index + 1, std::nullopt, true, false}}, true);
    Result<Value> value = evaluator_.evaluate(file_, hole.expr);
    const auto* whole = value ? std::get_if<Rational>(&*value) : nullptr;
    if (whole == nullptr || !whole->is_whole()) return std::nullopt;
    return whole->numerator;
  }

  Evaluator& evaluator_;
  const ast::File& file_;
  const std::vector<ast::Name>& names_;
  bool as_prefix_;
  Span span_;
  std::vector<Token> tokens_;
  std::vector<AffineHole> holes_;             // by token
  std::vector<std::vector<bool>> recurring_;  // by token: the indices that stand in it or behind it
  std::set<std::tuple<std::size_t, std::size_t, Assignment>> failed_;
  bool is_over_ = false;
};

}  // namespace

std::vector<ast::Name> unbound_indices(const Evaluator& evaluator, const UnboundQuery& query) {
  std::vector<ast::Name> names;
  for (const auto& side : query.paths) {
    for (const ast::TemplateId path : side) {
      for (const ast::Segment& segment : query.file[path].segments) {
        for (const ast::Part& part : segment.parts) {
          if (const auto* hole = std::get_if<ast::Hole>(&part.node)) collect(evaluator, query.file, hole->index, names);
          if (const auto* bracket = std::get_if<ast::Bracket>(&part.node))
            collect(evaluator, query.file, bracket->index, names);
        }
      }
    }
  }
  return names;
}

Result<std::vector<std::vector<std::int64_t>>> unbound_values(
    Evaluator& evaluator, const UnboundQuery& query, const std::vector<ast::Name>& names,
    const std::array<std::span<const TensorInfo>, 2>& catalogues) {
  std::set<std::vector<std::int64_t>> found;
  Matcher matcher(evaluator, query, names);
  for (const SideId side : BothSides) {
    for (const ast::TemplateId path : query.paths[number(side)]) {
      if (!matcher.take(path, query.prefixes[number(side)])) continue;
      for (const TensorInfo& tensor : catalogues[number(side)]) {
        Result<Assignment> values = matcher.match(tensor.name);
        if (!values) return evaluator.diags().failed();
        if (values->empty() || std::ranges::any_of(*values, [](const auto& v) { return !v; })) continue;
        std::vector<std::int64_t> known;
        for (const auto& value : *values) known.push_back(*value);
        found.insert(std::move(known));
      }
    }
    if (!found.empty()) break;  // the side that is read decides
  }
  return std::vector(found.begin(), found.end());
}

}  // namespace rulec
