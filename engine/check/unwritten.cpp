// SPDX-License-Identifier: Apache-2.0
// Tensors that a side has and that no rule writes there: what would come out is a model with holes.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/check/coverage.h"
#include "engine/tensor/name_sets.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// What the pack's options of texts may be: one of them may have rules for this way.
void help_with_options(const Rules& rules, Finding& finding) {
  for (const auto& [name, definition] : rules.definitions) {
    if (definition.kind != DefinitionKind::Option) continue;
    const auto& option = std::get<ast::Option>(rules.statement(definition).node);
    if (option.type == ast::Option::Type::Set)
      finding.help(fmt::format("another value of `{}` may have rules for this way: `--set {}={}`", name, name,
                               fmt::join(option.values, "|")));
  }
}

}  // namespace

Status check_unwritten(const Pack& pack, SideId to, Diagnostics& diags) {
  const WritingPieces pieces(pack, to);
  const std::vector<Tensor>& tensors = pack.tensors[number(to)];
  UsedPermissions used;
  std::vector<std::string> names;
  std::vector<std::size_t> places;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const Family& family = pack.families[tensors[t].family];
    if (!pieces[t].empty() || is_allowed(family, diag::UnwrittenTarget.id, diag::UnwrittenTarget.name, used)) continue;
    names.push_back(tensors[t].name);
    places.push_back(t);
  }
  if (names.empty()) return Done{};
  const std::string& side = pack.rules->sides[number(to)];
  Finding finding = report(diags, pack.place(to, places.front()), diag::UnwrittenTarget,
                           names.size() == 1 ? "1 tensor" : fmt::format("{} tensors", names.size()), side);
  const std::vector<NameGroup> groups = group_names(names);
  for (std::size_t g = 0; g < std::min(groups.size(), MostGroups); ++g) {
    finding.note(fmt::format("{}  {}{}", groups[g].text, to_string(tensors[places[groups[g].first]].shape),
                             groups[g].count > 1 ? fmt::format("  ({} tensors)", groups[g].count) : ""));
  }
  if (groups.size() > MostGroups) finding.note(fmt::format("and {} more kinds", groups.size() - MostGroups));
  finding.note(fmt::format("their rules run towards `{}` only", pack.rules->sides[number(other(to))]));
  help_with_options(*pack.rules, finding);
  return finding;
}

}  // namespace rulec
