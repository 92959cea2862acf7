// SPDX-License-Identifier: Apache-2.0
// The values that a `preset` or a `test` gives to names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/pack/pack.h"

namespace rulec {

struct GivenEntry {
  std::string name;  ///< of the pack, or `side.key`
  ast::ExprId value{};
};

/// What the entries of the pack's own file come to. Each sees the others, in whatever order they stand, and the pack
/// with `inputs`. Errors: R0201 if one has no value, R0213 if they need themselves, and those of expressions.
Result<std::map<std::string, Value, std::less<>>> given_values(const Rules& rules, const Inputs& inputs,
                                                               const std::vector<GivenEntry>& entries,
                                                               Diagnostics& diags);

}  // namespace rulec
