// SPDX-License-Identifier: Apache-2.0
// The fenced blocks of a Markdown text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rulec::testing {

/// One block between three backticks.
struct FencedBlock {
  std::string heading;             ///< the last `##` heading above it, without the marks
  std::vector<std::string> words;  ///< behind the backticks: `rules`, `file=common.rules`
  std::string text;
  std::size_t line = 0;  ///< of its first line, from 1

  std::string_view language() const { return words.empty() ? std::string_view() : std::string_view(words.front()); }
  bool has(std::string_view word) const;

  /// What stands behind `key=`, or an empty text.
  std::string_view option(std::string_view key) const;
};

/// The blocks of `markdown`, in order. A block that is not closed ends with the text.
std::vector<FencedBlock> fenced_blocks(std::string_view markdown);

}  // namespace rulec::testing
