// SPDX-License-Identifier: Apache-2.0
// What the parser knows while it reads a text: what it matched, whether newlines count, and what it would have liked to
// see at the farthest place it reached. Layout and recovery are here; the grammar itself is in grammar.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/nodes.h"

namespace rulec::grammar {

/// Brackets, bodies and defaults may nest this deep; it bounds the parser's stack.
inline constexpr std::uint32_t MaxDepth = 64;

/// A file with more syntax errors than this is not worth reading further.
inline constexpr std::size_t MaxErrors = 100;

/// A statement that could not be read. Offsets count bytes.
struct SyntaxError {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::string expected;             ///< "`]` or an axis"
  std::string label;                ///< "found `>`; did you mean `->`?"
  std::uint32_t open = Node::None;  ///< a bracket that is still open there
  bool is_too_deep = false;
};

/// Thrown where something nests deeper than `MaxDepth`: brackets end their statement with it, bodies the reading.
struct TooDeep {
  std::uint32_t at = 0;
  bool is_body = false;
};

/// Where reading goes on behind a bad statement.
struct Resumption {
  std::uint32_t at = 0;
  bool is_body = false;  ///< at the `{` of a body whose header was bad
};

/// A letter of a name: letters, digits and `_`.
constexpr bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The token at `at` as people see it: a word, a text in quotes, an operator or one character; empty at the end.
std::string_view token(std::string_view text, std::uint32_t at);

/// The keywords that begin a statement.
const std::vector<std::string>& statement_words();

struct Reading {
  explicit Reading(std::string_view source) : text(source) {}

  std::string_view text;
  Nodes nodes;
  std::vector<std::uint32_t> open;  ///< the brackets and bodies around us
  bool is_joined = false;           ///< in brackets, where a newline is a blank
  std::uint32_t depth = 0;
  std::vector<SyntaxError> errors;

  /// Begins a statement: forgets what was wanted before it.
  void start(std::uint32_t at);

  /// Notes that `words` were wanted at `at`; what was wanted farthest counts.
  void want(std::uint32_t at, std::string_view words);

  /// Notes that the statement nests too deep at `at`.
  void note_too_deep(std::uint32_t at);

  /// Files what is wrong with the statement that began at `begin`, unless it was said before, and tells where to go on.
  /// `with_bodies`: whether statements with bodies may stand here.
  Resumption give_up(std::uint32_t begin, bool with_bodies);

  /// Behind the blanks and the comment at `at`, in the same line.
  std::uint32_t skip_blanks(std::uint32_t at) const;

  /// Behind the blanks, comments and newlines at `at`.
  std::uint32_t skip_lines(std::uint32_t at) const;

  /// Behind what separates two tokens of one statement: newlines count only in brackets or before `->`, `|`, `:` and
  /// the like.
  std::uint32_t skip_layout(std::uint32_t at) const;

  /// Whether the word that ends at `end` is a keyword here, and not the beginning of a path.
  bool is_keyword(std::uint32_t end) const;

  /// Whether the line at `at` looks like the beginning of a statement.
  bool begins_statement(std::uint32_t at) const;

 private:
  SyntaxError error_at_farthest(std::uint32_t begin) const;
  std::string hint(std::uint32_t begin, std::string_view found) const;

  std::uint32_t farthest_ = 0;
  bool is_too_deep_ = false;
  std::uint32_t open_ = Node::None;
  std::vector<std::string_view> wants_;
};

}  // namespace rulec::grammar
