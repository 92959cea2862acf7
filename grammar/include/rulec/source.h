// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// Names a text, the same in every `SourceMap`: no other text of this process has it. Of two, the later made is
/// greater.
enum class SourceId : std::uint32_t {};

/// Half-open range of bytes in one text.
struct Span {
  SourceId source{};
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  auto operator<=>(const Span&) const = default;
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

/// A text with a name: a rule file, a config.json, a yml. Never changes once made, so that threads may share it.
class Source {
 public:
  Source(std::string name, std::string text);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  SourceId id() const { return id_; }
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }

  /// Where the byte at `offset` stands; an offset past the end is the end.
  Position position(std::uint32_t offset) const;

  /// The text of a line (from 1) without its newline; empty if there is no such line.
  std::string_view line(std::uint32_t number) const;

 private:
  SourceId id_;
  std::string name_;
  std::string text_;
  std::vector<std::uint32_t> line_starts_;
};

/// A text that several share: the pack that was read from it, and whatever speaks of it.
using SharedSource = std::shared_ptr<const Source>;

/// Every text that a diagnostic may point into. A reference to a text is good for as long as the map, whatever is added
/// later.
class SourceMap {
 public:
  /// Takes a text in. `name` is what messages print: a path relative to where the user stands.
  SourceId add(std::string name, std::string text);

  /// Takes in a text that another map has too; nothing if this one has it already.
  void adopt(const SharedSource& source);

  /// The text of this name, or nullptr if the map does not have it.
  const Source* find(SourceId id) const;

  /// The text of a name that the map has; any other is a mistake of the caller's and throws `std::logic_error`.
  const Source& operator[](SourceId id) const;

  /// The same, to keep.
  const SharedSource& shared(SourceId id) const;

  /// Every text, in the order in which they were made.
  std::vector<SharedSource> all() const;

  std::size_t size() const { return sources_.size(); }

  /// The bytes under `span`. As for `operator[]`, the map has its text.
  std::string_view text(Span span) const;

 private:
  std::map<SourceId, SharedSource> sources_;
};

}  // namespace rulec
