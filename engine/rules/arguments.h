// SPDX-License-Identifier: Apache-2.0
// What a block, path, hook, function or op is given, held against what it takes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "grammar/ast.h"

#include <rulec/diagnostics.h>

namespace rulec {

struct GivenArgument {
  const ast::Name* name = nullptr;  ///< of `gate = "w1"`
  Span span;                        ///< of the value
};

std::vector<GivenArgument> given(const ast::File& file, const std::vector<ast::Argument>& arguments);
std::vector<GivenArgument> given(const ast::File& file, const std::vector<ast::OpArgument>& arguments);

/// Something that can be called: `what` is `the block`.
struct Callee {
  std::string_view what;
  const ast::Name& name;  ///< where it is called
  const std::vector<ast::Parameter>& parameters;
  Span definition;
};

/// Reports R0214: arguments that are too many, unknown, given twice or missing.
void check_arguments(const Callee& callee, std::span<const GivenArgument> arguments, Diagnostics& diags);

/// The same for what takes between `least` and `most` arguments without names.
void check_count(std::string_view what, const ast::Name& callee, std::span<const GivenArgument> arguments,
                 std::size_t least, std::size_t most, Diagnostics& diags);

}  // namespace rulec
