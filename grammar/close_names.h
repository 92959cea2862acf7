// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include <rulec/messages.h>

namespace rulec {

/// How many letters must be changed, added, dropped or swapped with their neighbour to get from one word to the other,
/// whatever their case (Damerau-Levenshtein, restricted). The work is the product of both lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace rulec
