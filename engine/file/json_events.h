// SPDX-License-Identifier: Apache-2.0
// JSON from a checkpoint, member by member and without a tree: a reader sees every key, even twice the same, every
// number as it was written, and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rulec {

/// A value, or the beginning of an object or list.
struct JsonValue {
  enum class Kind : std::uint8_t { Null, Boolean, Unsigned, Negative, Float, String, Object, List };
  Kind kind = Kind::Null;
  std::uint64_t number = 0;    ///< of Unsigned. Whole numbers over 2^64 - 1 are Float
  double approximate = 0;      ///< of Float
  std::string_view text = {};  ///< the content of a String, a Float as written; valid during the call
  std::size_t offset = 0;      ///< where it begins in the text
};

/// "the string `x`", "the number `-3`", "a list": what a message says it found.
std::string describe(const JsonValue& value);

/// Who listens. Every member returns false to stop the reading; it has reported why.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  /// The key, escapes resolved, of the member that follows.
  virtual bool key(std::string_view name, std::size_t offset) = 0;
  virtual bool value(const JsonValue& value) = 0;
  /// The innermost object or list is complete.
  virtual bool end() = 0;
};

/// Why a text is not JSON.
struct JsonError {
  std::string text;        ///< what was found and expected, for a message
  std::size_t offset = 0;  ///< in the text
  bool is_too_deep = false;
};

/// How deep objects and lists may be nested, where a format has no reason for more.
constexpr int MaxJsonDepth = 8;

/// Reads a JSON text (RFC 8259, UTF-8 without a byte order mark) to its end, or to where `events` stops it. Unpaired
/// surrogates in escapes are errors, and what is nested deeper than `max_depth`.
std::optional<JsonError> read_json(std::string_view text, JsonEvents& events, int max_depth = MaxJsonDepth);

}  // namespace rulec
