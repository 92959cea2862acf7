// SPDX-License-Identifier: Apache-2.0
// The sections are the blocks of a message's page (tests/page.h) without its words.
#include <memory>

#include <rulec/check.h>

#include "engine/rules/rules.h"
#include "tests/golden.h"
#include "tests/page.h"

namespace rulec::golden {

std::string check_stage(const Sections& sections) {
  std::string page = "## Case\n";
  for (const Section& section : sections) page += "```" + section.name + "\n" + section.text + "```\n";
  const testing::PageSection given = testing::read_section(page, "Case");
  if (!given.pack) return "this case needs a section `rules`";
  PackFolder folder;
  folder.read = [&](std::string_view path) -> std::optional<std::string> {
    const auto found = given.rules.find(std::string(path));
    return found == given.rules.end() ? std::nullopt : std::optional(found->second);
  };
  BindOptions options;
  options.options = given.options;
  for (const auto& [side, store] : given.stores) options.checkpoints[side] = &store;
  Diagnostics found;
  Result<Rules> rules = load_rules(found.sources().add("p.rules", *given.pack), folder, found);
  if (!rules) return render_text(found);
  (void)check(RulePack(std::make_shared<const Rules>(*std::move(rules))), options, found);
  return found.all().empty() ? "no findings" : render_text(found);
}

}  // namespace rulec::golden
