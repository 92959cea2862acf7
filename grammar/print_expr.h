// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/ast.h"

namespace rulec::printing {

/// How tightly an expression binds, loosest first. A looser one stands in parentheses.
enum class Level : std::uint8_t { Value, Default, Or, And, Not, Comparison, Sum, Product, Unary, Primary };

std::string expr(const ast::File& file, ast::ExprId id, Level least);
std::string arguments(const ast::File& file, const std::vector<ast::Argument>& list);

/// A text in quotes, with escapes.
std::string in_quotes(std::string_view text);

/// Whether a text can stand without quotes where a name is expected.
bool is_name(std::string_view text);

}  // namespace rulec::printing
