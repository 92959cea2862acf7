// SPDX-License-Identifier: Apache-2.0
// Names of the rules that are no sizes, by the way they are used.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/rules/rules.h"
#include "engine/rules/value.h"

namespace rulec {

/// The values that a name or dotted key may be given so that rules which look at it make sense: the texts that it is
/// compared with, or true and false where it is a condition. In the order of the rules; names that are neither are not
/// listed.
std::map<std::string, std::vector<Value>> word_keys(const Rules& rules);

}  // namespace rulec
