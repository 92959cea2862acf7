// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/config/config.h"

namespace rulec {

/// What may stand between two tokens of JSON, in YAML too.
constexpr std::string_view JsonBlanks = " \t\r\n";

constexpr std::size_t MaxConfigDepth = 64;
constexpr std::size_t MaxConfigValues = 1'000'000;

/// Makes a value of what a reader of JSON or YAML meets, in the order of the text, and holds both to the same limits.
///
/// A member that returns false has reported why; the reader must stop then.
class TreeBuilder {
 public:
  /// `language` is what messages say the text should be.
  TreeBuilder(SourceId source, std::string_view language, Diagnostics& diags)
      : source_(source), language_(language), diags_(diags) {}

  Span span(std::size_t begin, std::size_t end) const;
  std::string_view text() const { return diags_.sources()[source_].text(); }

  /// Whether a key must come next, if not the end of an object.
  bool expects_key() const;
  /// A key twice is reported and read on.
  bool key(std::string text, Span span);
  /// A whole value: a scalar, or a copy of a value from elsewhere.
  bool value(ConfigValue value);
  bool open_object(Span span) { return open(ConfigObject{}, span); }
  bool open_list(Span span) { return open(ConfigList{}, span); }
  /// The innermost object or list ends at `end`.
  void close(std::size_t end);

  /// The value that was completed last; valid until the next one begins.
  const ConfigValue& last() const { return *last_; }

  /// Counts a copy of `value` that is kept elsewhere against the limits too.
  bool charge(const ConfigValue& value);

  /// Reports R0901; false, for a reader to return.
  bool fail(Span span, const std::string& why);
  /// The same with a help, unless that is empty.
  bool fail(Span span, const std::string& why, std::string_view help);

  /// The value of the whole text, an object: an empty one if the text has no value.
  Result<ConfigValue> finish();

 private:
  struct Open {
    ConfigValue value;
    std::unordered_map<std::string, Span> keys;  // of an object
    std::string key;                             // of the member that is being read
    Span key_span;
    bool has_key = false;
  };

  bool open(decltype(ConfigValue::node) node, Span span);
  bool count(std::size_t weight, std::size_t depth, Span span);
  void put(ConfigValue value);

  SourceId source_;
  std::string_view language_;
  Diagnostics& diags_;
  std::vector<Open> open_;
  ConfigValue root_{ConfigObject{}, {}};
  const ConfigValue* last_ = nullptr;
  std::size_t weight_ = 0;
  std::size_t failures_ = 0;
};

}  // namespace rulec
