// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grammar/ast.h"
#include "grammar/nodes.h"

#include <rulec/diagnostics.h>

namespace rulec::grammar {

/// The syntax tree of what was matched in the text of `source`.
///
/// Errors: R0101 what the grammar lets through, R0103 a chain of operators that is too deep, R0104 a number beyond 64
/// bits, R0105 a statement where it may not stand.
ast::File build_tree(const Nodes& nodes, SourceId source, Diagnostics& diags);

}  // namespace rulec::grammar
