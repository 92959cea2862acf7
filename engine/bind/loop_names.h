// SPDX-License-Identifier: Apache-2.0
// What the rules read, by their syntax alone: which names and keys loops run to, and which are lists.
#pragma once

#include <set>
#include <string>

#include "engine/rules/rules.h"

namespace rulec {

/// Whether the key at `key` stands before an `else`, so that its absence is no fault.
bool has_default(const ast::File& file, ast::ExprId key);

/// Every name and dotted key that the ends of a loop's range read: directly, by way of `let`s and functions, or as
/// arguments of the block that the loop stands in. Names of indices may be among them.
std::set<std::string> loop_names(const Rules& rules);

/// Every name and dotted key that rules take an element of, or the length: lists, which are no sizes.
std::set<std::string> list_names(const Rules& rules);

}  // namespace rulec
