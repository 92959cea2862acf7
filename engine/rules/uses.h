// SPDX-License-Identifier: Apache-2.0
// Which definition needs which, and what follows: what is never used, and what needs itself.
#pragma once

#include <vector>

#include "engine/rules/rules.h"

namespace rulec {

/// A name that stands for a definition, in the pack's own file or in what that needs of others. Pointers are into
/// `Rules::definitions`.
struct Use {
  const Definition* by = nullptr;  ///< whose text it is; nullptr for what is no definition: rules, `require`, ...
  const Definition* of = nullptr;
  bool is_certain = false;  ///< evaluating `by` always evaluates `of`: no condition, loop or default is between them
  Span span;
};

/// Reports R0205: what the pack's own file defines and nothing but itself uses.
void report_unused_definitions(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags);

/// Reports R0206: imports of the pack's own file that it could do without, since nothing that they bring is needed or
/// the other imports bring it too.
void report_unused_imports(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags);

/// Reports R0213: definitions that need themselves whatever the config is, with the chain.
void report_cycles(const Rules& rules, const std::vector<Use>& uses, Diagnostics& diags);

}  // namespace rulec
