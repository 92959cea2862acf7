// SPDX-License-Identifier: Apache-2.0
// The Gemma 2 pack with one deliberate mistake: a section `change` says what is replaced by what, once, in the pack or
// else in the library that it imports.
#include <memory>
#include <optional>
#include <string_view>

#include <rulec/check.h>

#include "engine/rules/rules.h"
#include "tests/golden.h"

namespace rulec::golden {
namespace {

constexpr std::string_view Library = "<rulec>/common/decoder.rules";

/// Cuts the section at the line `=>`: what stands before is replaced by what stands behind.
bool change(std::string& text, const std::string& section) {
  const std::size_t arrow = section.find("=>\n");
  if (arrow == std::string::npos) return false;
  const std::string from = section.substr(0, arrow);
  const std::string to = section.substr(arrow + 3);
  // Both end with the newline of their last line; words within a line do not.
  const std::string needle = from.substr(0, from.size() - 1);
  const std::size_t at = text.find(needle);
  if (at == std::string::npos) return false;
  text.replace(at, needle.size(), to.empty() ? to : to.substr(0, to.size() - 1));
  return true;
}

}  // namespace

std::string mistakes_stage(const Sections& sections) {
  Diagnostics diags;
  const Result<Rules> good = load_rules("gemma2", diags);
  if (!good) return render_text(diags);
  PackFolder folder = good->folder;
  std::string text = *folder.read("gemma2.rules");
  std::string library = *folder.read(Library);
  for (const Section& section : sections) {
    if (section.name == "change" && !change(text, section.text) && !change(library, section.text))
      return "the pack does not hold what this case changes";
  }
  folder.read = [&](std::string_view path) {
    return path == Library ? std::optional(library) : good->folder.read(path);
  };
  Diagnostics found;
  if (const Section* section = find(sections, "enable"))
    found.enable(section->text.substr(0, section->text.find('\n')));
  Result<Rules> rules = load_rules(found.sources().add("gemma2.rules", text), folder, found);
  if (!rules) return render_text(found);
  const RulePack pack(std::make_shared<const Rules>(*std::move(rules)));
  (void)check(pack, {}, found);
  return found.all().empty() ? "no findings" : render_text(found);
}

}  // namespace rulec::golden
