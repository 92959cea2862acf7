// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/unbound.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

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
std::optional<std::vector<Token>> tokens(const ast::File& file, ast::TemplateId path, const std::string& prefix) {
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

class Matcher {
 public:
  Matcher(Evaluator& evaluator, const ast::File& file, const std::vector<ast::Name>& names, bool as_prefix)
      : evaluator_(evaluator), file_(file), names_(names), as_prefix_(as_prefix) {}

  /// The values with which `tokens` print `name`, if there are any.
  bool match(std::span<const Token> tokens, std::string_view name, Assignment& values) {
    if (tokens.empty()) return name.empty() || (as_prefix_ && name.front() == '.');
    const Token& token = tokens.front();
    if (!token.hole)
      return name.starts_with(token.text) && match(tokens.subspan(1), name.substr(token.text.size()), values);
    std::size_t digits = 0;
    while (digits < name.size() && digits < 18 && name[digits] >= '0' && name[digits] <= '9') ++digits;
    for (std::size_t length = digits; length > 0; --length) {
      std::int64_t number = 0;
      std::from_chars(name.data(), name.data() + length, number);
      Assignment attempt = values;
      if (solve(*token.hole, number, attempt) && match(tokens.subspan(1), name.substr(length), attempt)) {
        values = std::move(attempt);
        return true;
      }
    }
    return false;
  }

 private:
  /// The value of the one index in `expr` that makes it `number`. Index expressions in names are affine: two points
  /// give the line.
  bool solve(ast::ExprId expr, std::int64_t number, Assignment& values) {
    std::vector<ast::Name> inside;
    collect(evaluator_, file_, expr, inside);
    if (inside.size() != 1) return false;
    const auto at = std::ranges::find(names_, inside.front().text, &ast::Name::text) - names_.begin();
    const std::optional<std::int64_t> zero = value_at(expr, inside.front().text, 0);
    const std::optional<std::int64_t> one = value_at(expr, inside.front().text, 1);
    if (!zero || !one || *one == *zero || (number - *zero) % (*one - *zero) != 0) return false;
    const std::int64_t index = (number - *zero) / (*one - *zero);
    std::optional<std::int64_t>& value = values[static_cast<std::size_t>(at)];
    if (index < 0 || (value && *value != index) || value_at(expr, inside.front().text, index) != number) return false;
    value = index;
    return true;
  }

  std::optional<std::int64_t> value_at(ast::ExprId expr, const std::string& name, std::int64_t index) {
    const Evaluator::Scope scope(evaluator_, {{name, Rational{index, 1}, true, index + 1, std::nullopt, true, false}},
                                 true);
    const std::size_t before = evaluator_.diags().all().size();
    Result<Value> value = evaluator_.evaluate(file_, expr);
    evaluator_.diags().truncate(before);
    const auto* whole = value ? std::get_if<Rational>(&*value) : nullptr;
    if (whole == nullptr || !whole->is_whole()) return std::nullopt;
    return whole->numerator;
  }

  Evaluator& evaluator_;
  const ast::File& file_;
  const std::vector<ast::Name>& names_;
  bool as_prefix_;
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

std::vector<std::vector<std::int64_t>> unbound_values(Evaluator& evaluator, const UnboundQuery& query,
                                                      const std::vector<ast::Name>& names,
                                                      const std::array<std::span<const TensorInfo>, 2>& catalogues) {
  std::set<std::vector<std::int64_t>> found;
  Matcher matcher(evaluator, query.file, names, query.as_prefix);
  for (const SideId side : BothSides) {
    for (const ast::TemplateId path : query.paths[number(side)]) {
      const auto parts = tokens(query.file, path, query.prefixes[number(side)]);
      if (!parts) continue;
      for (const TensorInfo& tensor : catalogues[number(side)]) {
        Assignment values(names.size());
        if (!matcher.match(*parts, tensor.name, values)) continue;
        if (std::ranges::any_of(values, [](const auto& v) { return !v; })) continue;
        std::vector<std::int64_t> known;
        for (const auto& value : values) known.push_back(*value);
        found.insert(std::move(known));
      }
    }
    if (!found.empty()) break;  // the side that is read decides
  }
  return {found.begin(), found.end()};
}

}  // namespace rulec
