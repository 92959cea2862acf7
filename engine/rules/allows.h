// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "grammar/ast.h"

#include <rulec/diagnostics.h>

namespace rulec {

/// Reports R0702 and R0703: permissions for messages that do not exist, and those that give no reason.
void check_allows(const std::vector<ast::Allow>& allows, Diagnostics& diags);

}  // namespace rulec
