// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "grammar/ast.h"

#include <rulec/diagnostics.h>

namespace rulec {

/// The syntax tree of a text in `diags.sources()`. Every statement that can be read is read: a bad one is reported and
/// reading goes on behind it, so one run finds every syntax error of a file. Fails if there was one.
///
/// Errors: R0101 to R0105.
Result<ast::File> parse(SourceId source, Diagnostics& diags);

}  // namespace rulec
