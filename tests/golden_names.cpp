// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/rules.h"
#include "tests/golden.h"

namespace rulec::golden {

std::string names_stage(const Sections& sections) {
  const Section* rules = find(sections, "rules");
  if (!rules) return "this case needs a section `rules`";
  PackFolder folder;
  folder.read = [&](std::string_view path) -> std::optional<std::string> {
    const Section* file = find(sections, path);
    return file ? std::optional(file->text) : std::nullopt;
  };
  Diagnostics diags;
  const Result<Rules> loaded = load_rules(diags.sources().add(rules->name, rules->text), folder, diags);
  if (!diags.all().empty()) return render_text(diags);
  return loaded ? "every name is known" : "failed without a message";
}

}  // namespace rulec::golden
