// SPDX-License-Identifier: Apache-2.0
#include "grammar/parse.h"
#include "grammar/print.h"
#include "tests/golden.h"

namespace rulec::golden {

std::string parse_stage(const Sections& sections) {
  Diagnostics diags;
  const Section* rules = find(sections, "rules");
  if (!rules) return "this case needs a section `rules`";
  const Result<ast::File> file = parse(diags.sources().add(rules->name, rules->text), diags);
  return file ? rulec::print(*file) : render_text(diags);
}

}  // namespace rulec::golden
