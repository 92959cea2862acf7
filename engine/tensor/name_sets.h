// SPDX-License-Identifier: Apache-2.0
// Sets of tensor names, as people write and read them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// Names in short: `model.layers.{0..25}.mlp.up_proj.weight`, with how many they are.
struct NameGroup {
  std::string text;
  std::size_t count = 0;
  std::size_t first = 0;  ///< of the names given
};
constexpr std::size_t MostGroups = 8;  ///< that one message shows
std::vector<NameGroup> group_names(const std::vector<std::string>& names);

/// Whether a glob matches a name: `*` within a segment, `**` across segments.
bool glob_matches(std::string_view glob, std::string_view name);

/// What to tell of a glob that names nothing.
constexpr std::string_view GlobHelp = "`*` stands for what has no dot in it, `**` for anything";

/// Whether one of the globs matches; where there are none, every name is wanted.
bool is_wanted(std::string_view name, const std::vector<std::string>& globs);

}  // namespace rulec
