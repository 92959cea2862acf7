// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rulec::render {

/// `text` with everything a terminal could choke on made visible: control characters, invalid UTF-8 and the characters
/// that turn the direction of writing become escapes such as `\x1b`. Newlines and tabs too.
std::string printable(std::string_view text);

/// How many columns a printable text takes: one a code point.
std::size_t columns(std::string_view text);

/// One line of a source as it is shown.
class Excerpt {
 public:
  /// `line`: without its newline. Tabs become four blanks.
  explicit Excerpt(std::string_view line);

  /// The column, from 0, where the byte at `offset` is shown; behind the end it is the first column after the line.
  std::size_t column(std::size_t offset) const;

  /// The columns from `begin` to `end`.
  std::string cut(std::size_t begin, std::size_t end) const;

  std::size_t width() const { return columns_.back(); }

 private:
  std::string text_;
  std::vector<std::size_t> columns_;  // of each byte of the line, and of its end
  std::vector<std::size_t> bytes_;    // where each column begins in text_, and its end
};

}  // namespace rulec::render
