// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// Names a text in a `SourceMap`.
enum class SourceId : std::uint32_t {};

/// Half-open range of bytes in one text.
struct Span {
  SourceId source{};
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  bool operator==(const Span&) const = default;
};

/// From the beginning of `first` to the end of `last`, both in one text.
inline Span join(Span first, Span last) {
  return {first.source, first.begin, last.end};
}

/// Line and column as people count them: from 1, columns in bytes.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;

  bool operator==(const Position&) const = default;
};

/// A text with a name: a rule file, a config.json, a yml. Never changes once made.
class Source {
 public:
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }

  /// Where the byte at `offset` stands; an offset past the end is the end.
  Position position(std::uint32_t offset) const;

  /// The text of a line (from 1) without its newline; empty if there is no such line.
  std::string_view line(std::uint32_t number) const;

 private:
  std::string name_;
  std::string text_;
  std::vector<std::uint32_t> line_starts_;
};

/// Owns every text that a diagnostic may point into.
class SourceMap {
 public:
  /// Takes a text in. `name` is what messages print: a path relative to where the user stands.
  SourceId add(std::string name, std::string text);

  const Source& operator[](SourceId id) const { return sources_[static_cast<std::size_t>(id)]; }
  std::size_t size() const { return sources_.size(); }

  /// The bytes under `span`.
  std::string_view text(Span span) const;

 private:
  std::vector<Source> sources_;
};

}  // namespace rulec
