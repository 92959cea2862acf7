// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/bind/inputs.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// 2 to this power are the layouts that are tried.
constexpr std::size_t MostOptions = 4;

}  // namespace

Layouts layouts(const Rules& rules, const Inputs& given) {
  Layouts result{{{}}, {}};
  for (std::string& name : open_options(rules, given, ast::Option::Type::Bool)) {
    if (result.tried.size() >> MostOptions != 0) {
      result.untried.push_back(std::move(name));
      continue;
    }
    std::vector<Layout> more;
    for (const Layout& layout : result.tried) {
      for (const bool value : {true, false}) {
        more.push_back(layout);
        more.back()[name] = Value(value);
      }
    }
    result.tried = std::move(more);
  }
  return result;
}

bool is_excluded(std::span<const Diagnostic> said) {
  return std::ranges::all_of(said, [](const Diagnostic& d) { return d.id == diag::RequireFailed.id; });
}

void report_untried(const Rules& rules, const Layouts& layouts, Diagnostics& diags) {
  if (layouts.untried.empty()) return;
  const std::string& first = layouts.untried.front();
  report(diags, rules.find(first)->span, diag::LayoutsUntried, static_cast<std::int64_t>(layouts.tried.size()),
         fmt::format("2^{}", MostOptions + layouts.untried.size()))
      .label("its default only")
      .note(fmt::format("one value was tried of `{}`", fmt::join(layouts.untried, "`, `")))
      .help(fmt::format("try the others too: `--set {}=...`", first));
}

}  // namespace rulec
