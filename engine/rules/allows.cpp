// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/allows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

void check_allow(const ast::Allow& allow, Diagnostics& diags) {
  if (find_message(allow.id)) {
    if (!allow.why)
      report(diags, allow.span, diag::SuppressionWithoutReason, allow.id)
          .help("say why the loss is meant, in quotes behind it");
    return;
  }
  std::vector<std::string> names;
  for (const Message& message : all_messages())
    names.insert(names.end(), {std::string(message.id), std::string(message.name)});
  Finding finding = report(diags, allow.span, diag::UnknownSuppression, allow.id);
  if (const auto close = close_names(allow.id, names); !close.empty())
    finding.label(fmt::format("did you mean `{}`?", fmt::join(close, "` or `")));
}

}  // namespace

void check_allows(const std::vector<ast::Allow>& allows, Diagnostics& diags) {
  for (const ast::Allow& allow : allows) check_allow(allow, diags);
}

}  // namespace rulec
