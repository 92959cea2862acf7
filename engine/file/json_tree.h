// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file/json_events.h"

namespace rulec {

/// A JSON value with all that is in it, for small documents whose members come in any order.
struct JsonTree {
  JsonValue::Kind kind = JsonValue::Kind::Null;
  std::uint64_t number = 0;        ///< of Unsigned, and 1 of `true`
  double approximate = 0;          ///< of Float
  std::string text;                ///< the content of a String; a Float or Negative as written
  std::size_t offset = 0;          ///< where it begins in the text
  std::vector<std::string> names;  ///< of an object's members, in their order
  std::vector<JsonTree> items;     ///< of a list, or the values of the members

  bool is(JsonValue::Kind other) const { return kind == other; }
  /// A member of an object, or nullptr.
  const JsonTree* find(std::string_view name) const;
};

/// What `describe` says of a value of events.
std::string describe(const JsonTree& tree);

/// Reads a text into `tree`. As `read_json`; a member that stands twice in one object is an error too.
std::optional<JsonError> read_json_tree(std::string_view text, JsonTree& tree, int max_depth = MaxJsonDepth);

}  // namespace rulec
