// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rulec::mutations {

struct Mutation {
  std::string change;  ///< for people, one line: the line as it was and as it is
  std::string text;    ///< of the whole file
};

/// Every token of the rules above the first `test` block deleted, written twice (joined to itself and apart), and
/// swapped with the next one. Changes that leave the text as it was or mean the same, such as 00 for 0 and other
/// blanks, are left out.
std::vector<Mutation> mutations(std::string_view text);

}  // namespace rulec::mutations
