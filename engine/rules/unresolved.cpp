// SPDX-License-Identifier: Apache-2.0
// What is said of a name that nothing defines: what it is instead, or what it may be a slip for.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "engine/rules/definitions.h"
#include "engine/rules/resolver.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Longer lists are not read.
constexpr std::size_t MostListed = 12;

std::string with_article(std::string_view noun) {
  const bool is_vowel = std::string_view("aeiou").find(noun.front()) != std::string_view::npos;
  return fmt::format("{} {}", is_vowel ? "an" : "a", noun);
}

int lower(std::string_view word) {
  return std::tolower(static_cast<unsigned char>(word.front()));
}

}  // namespace

std::vector<std::string> Resolver::defined(Kinds kinds) const {
  std::vector<std::string> names;
  for (const auto& [name, definition] : rules_.definitions) {
    if (kinds(rules_, definition)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> Resolver::values() const {
  std::vector<std::string> names = defined(is_value);
  for (std::string& name : scopes_.names()) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> Resolver::sides() const {
  if (rules_.sides[0].empty()) return {};
  return {rules_.sides.begin(), rules_.sides.end()};
}

Finding Resolver::unresolved(std::string_view what, const ast::Name& name, std::vector<std::string> candidates) {
  Finding finding = report(diags_, name.span, diag::UnresolvedName, what, name.text);
  const auto explain = [&](std::string_view kind, Span span) {
    finding.label(fmt::format("`{}` is {}", name.text, with_article(kind))).also(span, "defined here");
  };
  if (const Local* local = scopes_.find(name.text)) {
    explain(describe(local->kind), local->name.span);
  } else if (const Definition* other = rules_.find(name.text)) {
    explain(describe(rules_, *other), other->span);
  } else {
    std::ranges::sort(candidates);
    candidates.erase(std::ranges::unique(candidates).begin(), candidates.end());
    suggest(finding, name, candidates);
  }
  return finding;
}

void Resolver::suggest(Finding& finding, const ast::Name& name, const std::vector<std::string>& candidates) const {
  if (name.text == "True" || name.text == "False") {
    finding.label(fmt::format("did you mean `{}`?", name.text == "True" ? "true" : "false"));
    return;
  }
  std::vector<std::string> likely = candidates;
  // One letter is a slip away from any other: only those that begin with it are worth a word.
  if (name.text.size() == 1)
    std::erase_if(likely, [&](const std::string& one) { return lower(one) != lower(name.text); });
  const std::vector<std::string> close = close_names(name.text, likely);
  if (close.empty()) {
    if (!candidates.empty() && candidates.size() <= MostListed)
      finding.note(fmt::format("there is `{}`", fmt::join(candidates, "`, `")));
    return;
  }
  finding.label(fmt::format("did you mean `{}`?", fmt::join(close, "` or `")));
  if (close.size() != 1) return;
  if (const Local* local = scopes_.find(close.front())) {
    finding.also(local->name.span, fmt::format("`{}` is defined here", close.front()));
  } else if (const Definition* definition = rules_.find(close.front())) {
    finding.also(definition->span, fmt::format("`{}` is defined here", close.front()));
  }
}

void Resolver::report_unbound(const ast::Name& name) {
  unresolved("index", name, values())
      .note("an index that no loop binds stands in holes of both sides: each is found from the other")
      .help(fmt::format("bind it: `for {} in 0..`", name.text));
}

void Resolver::pack_value(const ast::Name& name) {
  const Definition* found = rules_.find(name.text);
  if (found == nullptr || !is_value(rules_, *found)) unresolved("name", name, defined(is_value));
}

void Resolver::side(const ast::Name& name) {
  if (sides().empty() || rules_.side(name.text) || !unknown_sides_.insert(name.text).second) return;
  Finding finding = report(diags_, name.span, diag::UnknownSide, rules_.name, name.text);
  finding.note(fmt::format("its sides are `{}`", fmt::join(rules_.sides, "` and `")));
}

}  // namespace rulec
