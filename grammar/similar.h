// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// How many letters must be changed, added, dropped or swapped with their neighbour to get from one word to the other,
/// whatever their case (Damerau-Levenshtein, restricted).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The names that `word` may be a slip of, best first: at most four, none that differs in more than a third of its
/// letters.
std::vector<std::string> similar(std::string_view word, std::span<const std::string> names);

}  // namespace rulec
