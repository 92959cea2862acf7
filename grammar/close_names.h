// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// How many letters must be changed, added, dropped or swapped with their neighbour to get from one word to the other,
/// whatever their case (Damerau-Levenshtein, restricted). The work is the product of both lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// For "did you mean": at most `most` of `candidates` that `name` may be a slip for, the closest first, each once.
///
/// Close is, in lower case: up to a third of the name's length away (one edit at least) by Damerau-Levenshtein
/// distance; the same words in another order, parted by `_`; or, where one of the two is dotted and the other is not, a
/// close last part: `hidden_sizes` for `text_config.hidden_size`. The name itself is never among them.
std::vector<std::string> close_names(std::string_view name, std::span<const std::string> candidates,
                                     std::size_t most = 4);

}  // namespace rulec
