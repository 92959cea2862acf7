// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "grammar/ast.h"

namespace rulec {

/// A tree as rule text: one blank between tokens, two per level, no comments, parentheses only where they are needed.
/// Reading it gives the same tree but for spans, and printing that gives the same text.
std::string print(const ast::File& file);

/// One expression of a file, as it may stand where a value is expected.
std::string print(const ast::File& file, ast::ExprId expr);

}  // namespace rulec
