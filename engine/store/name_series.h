// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// At most so many names come of one series.
inline constexpr std::size_t MaxSeries = 1'000'000;

/// The names that `layers.<0..2>.experts.<0,2..4>` stands for, the last hole fastest: `layers.0.experts.0`,
/// `layers.0.experts.2`, `layers.0.experts.3`, `layers.1.experts.0`, ... Ranges are half open, as in rules. What has
/// neither `..` nor a comma between `<` and `>` is a part of the name, and so is what is open or empty.
///
/// Nothing if a hole is no list of whole numbers and ascending ranges, or if there are more than `MaxSeries` names.
std::optional<std::vector<std::string>> names_of_series(std::string_view series);

/// How many names that are, without making them. Nothing where `names_of_series` gives nothing.
std::optional<std::size_t> size_of_series(std::string_view series);

}  // namespace rulec
