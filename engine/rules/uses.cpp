// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/uses.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/rules/definitions.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// The files that `file` imports, and those that they import, and so on; `file` too.
std::set<std::size_t> reached_files(const Rules& rules, std::size_t file) {
  std::set<std::size_t> reached;
  std::vector<std::size_t> open{file};
  while (!open.empty()) {
    const std::size_t next = open.back();
    open.pop_back();
    if (!reached.insert(next).second) continue;
    for (const ImportLink& import : rules.imports[next]) open.push_back(import.file);
  }
  return reached;
}

/// Walks definitions along what they certainly need, and reports where that leads back.
class CycleFinder {
 public:
  CycleFinder(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags) : rules_(rules), diags_(diags) {
    for (const Use& use : uses) {
      if (use.is_certain && use.by != nullptr) needs_[use.by].push_back(&use);
    }
    for (const auto& [name, definition] : rules.definitions) names_.emplace(&definition, name);
  }

  void run() {
    std::vector<std::pair<const Definition*, std::string>> order(names_.begin(), names_.end());
    std::ranges::sort(order, {}, [](const auto& one) { return std::pair(one.first->file, one.first->span.begin); });
    for (const auto& [definition, name] : order) visit(*definition);
  }

 private:
  struct Step {
    const Definition* definition;
    std::size_t next = 0;  // of what it needs
  };

  /// Depth first, on a stack of our own: a chain may be as long as the file.
  void visit(const Definition& start) {
    if (!seen_.insert(&start).second) return;
    std::vector<Step> path{{&start}};
    std::set<const Definition*> on_path{&start};
    while (!path.empty()) {
      Step& here = path.back();
      const std::vector<const Use*>& needs = needs_[here.definition];
      if (here.next == needs.size()) {
        on_path.erase(here.definition);
        path.pop_back();
        continue;
      }
      const Definition* need = needs[here.next++]->of;
      if (on_path.contains(need)) {
        report_cycle({std::ranges::find(path, need, &Step::definition), path.end()});
      } else if (seen_.insert(need).second) {
        path.push_back({need});
        on_path.insert(need);
      }
    }
  }

  /// `path[i].next` is behind the use that leads on.
  void report_cycle(const std::vector<Step>& path) {
    std::string chain;
    for (const Step& step : path) chain += names_.at(step.definition) + " -> ";
    const Definition& first = *path.front().definition;
    const std::string& name = names_.at(&first);
    Finding finding = report(diags_, first.span, diag::DefinitionCycle, name, chain + name);
    for (const Step& step : path) {
      const Use& use = *needs_[step.definition][step.next - 1];
      finding.also(use.span, fmt::format("`{}` is needed here", names_.at(use.of)));
    }
    if (is_value(rules_, first)) finding.help("take the value from a config, or give a number");
  }

  const Rules& rules_;
  Diagnostics& diags_;
  std::map<const Definition*, std::vector<const Use*>> needs_;
  std::map<const Definition*, std::string> names_;
  std::set<const Definition*> seen_;
};

}  // namespace

void report_unused_definitions(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags) {
  std::set<const Definition*> used;
  for (const Use& use : uses) {
    if (use.by != use.of) used.insert(use.of);
  }
  for (const auto& [name, definition] : rules.definitions) {
    if (definition.file == 0 && !used.contains(&definition))
      report(diags, definition.span, diag::UnusedDefinition, describe(rules, definition), name);
  }
}

void report_unused_imports(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags) {
  std::set<std::size_t> needed;
  for (const Use& use : uses) needed.insert(use.of->file);
  std::vector<ImportLink> kept = rules.imports.front();
  for (const ImportLink& import : rules.imports.front()) {
    if (needed.contains(import.file)) continue;
    std::set<std::size_t> elsewhere;
    for (const ImportLink& other : kept) {
      if (other.statement != import.statement) elsewhere.merge(reached_files(rules, other.file));
    }
    const std::set<std::size_t> here = reached_files(rules, import.file);
    const auto is_only_way = [&](std::size_t file) { return here.contains(file) && !elsewhere.contains(file); };
    if (std::ranges::any_of(needed, is_only_way)) continue;
    std::erase_if(kept, [&](const ImportLink& other) { return other.statement == import.statement; });
    const ast::Statement& statement = rules.files.front()[import.statement];
    report(diags, statement.span, diag::UnusedImport, std::get<ast::Import>(statement.node).file);
  }
}

void report_cycles(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags) {
  CycleFinder(rules, uses, diags).run();
}

}  // namespace rulec
