// SPDX-License-Identifier: Apache-2.0
#include "engine/check/squares.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/rules/rules.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

bool has_shapes(const Family& family) {
  return std::ranges::any_of(family.terms[0], [](const TermPlace& term) { return term.shape.has_value(); });
}

void add_names(const Pack& pack, const Family& family, std::set<std::string>& names) {
  for (std::size_t i = 0; i < family.instances(); ++i) {
    for (const SideId side : BothSides) {
      for (const std::uint32_t tensor : family.tensors_of(i, side))
        names.insert(pack.tensors[number(side)][tensor].name);
    }
  }
}

}  // namespace

std::map<SquareAxes::Pair, SquareAxes::Equal> SquareAxes::pairs_of(const Pack& pack, UsedPermissions& used) {
  std::map<Pair, Equal> pairs;
  for (const Piece& piece : pack.pieces) {
    if (piece.kind != PieceKind::Copy || piece.instance != 0) continue;
    const Family& family = pack.families[piece.family];
    if (!has_shapes(family)) continue;
    const std::vector<PieceAxis>& axes = pack.forms[piece.form].axes;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      for (std::size_t b = a + 1; b < axes.size(); ++b) {
        if (axes[a].whole != axes[b].whole || axes[a].whole == 1) continue;
        if (is_allowed(family, diag::SquareAxes.id, diag::SquareAxes.name, used)) continue;
        const auto first = static_cast<std::size_t>(axes[a].axis);
        const auto second = static_cast<std::size_t>(axes[b].axis);
        Equal& pair = pairs[{family.span, family.axes[first], family.axes[second]}];
        pair.size = axes[a].whole;
        pair.places = {family.axis_spans[first], family.axis_spans[second]};
        add_names(pack, family, pair.tensors);
      }
    }
  }
  return pairs;
}

void SquareAxes::add(std::span<const Pack* const> layouts, UsedPermissions& used) {
  std::map<Pair, Equal> here;
  std::set<Span> rules;
  for (const Pack* pack : layouts) {
    for (const Family& family : pack->families) rules.insert(family.span);
    for (auto& [pair, equal] : pairs_of(*pack, used)) {
      Equal& kept = here.try_emplace(pair, equal).first->second;
      kept.tensors.merge(equal.tensors);
    }
  }
  std::erase_if(pairs_, [&](const auto& entry) {
    return rules.contains(std::get<0>(entry.first)) && !here.contains(entry.first);
  });
  for (auto& [pair, equal] : here) {
    if (!known_rules_.contains(std::get<0>(pair))) pairs_.emplace(pair, std::move(equal));
  }
  known_rules_.merge(rules);
}

namespace {

/// Whether a test's template may print a name: what stands behind its last hole or path is compared.
bool may_print(std::string_view text, const std::string& name) {
  const std::size_t hole = text.find_last_of(">)");
  if (hole == std::string_view::npos) return name == text;
  const std::string_view rest = text.substr(hole + 1);
  return !rest.empty() && name.ends_with(rest);  // of a name that is all hole, nothing is known
}

std::optional<double> size_of(const ast::File& file, const ast::Test& test, std::string_view axis) {
  const auto entry = std::ranges::find(test.with, axis, [](const ast::ConfigEntry& e) { return e.name.text; });
  if (entry == test.with.end()) return std::nullopt;
  const auto* literal = std::get_if<ast::Number>(&file[entry->value].node);
  return literal != nullptr ? std::optional(std::strtod(literal->text.c_str(), nullptr)) : std::nullopt;
}

bool names_one_of(const ast::File& file, const ast::Test& test, const std::set<std::string>& tensors,
                  const Diagnostics& diags) {
  return std::ranges::any_of(test.sides, [&](const ast::TestSide& side) {
    return std::ranges::any_of(side.tensors, [&](const ast::Expected& expected) {
      const std::string_view text = diags.sources().text(file[expected.path].span);
      return std::ranges::any_of(tensors, [&](const std::string& name) { return may_print(text, name); });
    });
  });
}

}  // namespace

void SquareAxes::report(const Rules& rules, std::string_view where, Diagnostics& diags) const {
  const ast::File& file = rules.files.front();
  const auto settles = [&](const ast::Statement& statement, const Pair& pair, const Equal& equal) {
    const auto* test = std::get_if<ast::Test>(&statement.node);
    if (test == nullptr) return false;
    const std::optional<double> first = size_of(file, *test, std::get<1>(pair));
    const std::optional<double> second = size_of(file, *test, std::get<2>(pair));
    return first && second && *first != *second && names_one_of(file, *test, equal.tensors, diags);
  };
  for (const auto& [pair, equal] : pairs_) {
    const auto& [rule, first, second] = pair;
    if (std::ranges::any_of(file.statements, [&](const auto& s) { return settles(s, pair, equal); })) continue;
    rulec::report(diags, equal.places[0], diag::SquareAxes, first, second, equal.size, where)
        .label(fmt::format("of size {}", equal.size))
        .also(equal.places[1], "and so is this")
        .note("a missing transpose would load without an error and produce nonsense")
        .help(fmt::format("a value test of the rule in which {} and {} differ settles it: `test \"...\" with {{{} = 2, "
                          "{} = 3, ...}} {{ ... }}`",
                          first, second, first, second));
  }
}

}  // namespace rulec
