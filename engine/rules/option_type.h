// SPDX-License-Identifier: Apache-2.0
// What an option may be.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/rules/value.h"
#include "grammar/ast.h"

namespace rulec {

/// What the option takes, for messages: "`true` or `false`", "a whole number", "one of `model`, `head_dim`".
std::string taken_by(const ast::Option& option);

bool takes(const ast::Option& option, const Value& value);

/// The value that a word of a command line stands for, or nothing if the option does not take it.
std::optional<Value> read_option(const ast::Option& option, std::string_view word);

}  // namespace rulec
