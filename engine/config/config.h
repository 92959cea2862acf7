// SPDX-License-Identifier: Apache-2.0
// A model's configuration: Hugging Face's config.json or MaxText's yml, as values that know the line they came from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <rulec/diagnostics.h>

namespace rulec {

struct ConfigValue;

/// A member of an object, in the order of the file.
struct ConfigMember;

using ConfigList = std::vector<ConfigValue>;
using ConfigObject = std::vector<ConfigMember>;

/// `std::monostate` is null, which is no value.
struct ConfigValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, ConfigList, ConfigObject> node;
  Span span;  ///< of the value in its file

  /// The member `key` of an object, or nullptr if this is no object, or the member is absent or null.
  const ConfigValue* find(std::string_view key) const;

  bool is_null() const { return std::holds_alternative<std::monostate>(node); }
};

struct ConfigMember {
  std::string key;
  Span key_span;
  ConfigValue value;
};

/// Reads a text of `diags.sources()`: strict JSON if its name ends in `.json`, else YAML 1.2's core schema as yaml-cpp
/// reads it (for `true`, `1e-6` and `0x10`; quoted scalars are strings). Whole numbers beyond 64 bits are doubles; so
/// is `26.0`. What is read is an object, an empty one if the text has no value.
///
/// Errors: R0102; R0901 (syntax, depth over 64, more than 1,000,000 values, alias bombs), R0902 (a key twice).
Result<ConfigValue> parse_config(SourceId source, Diagnostics& diags);

/// Reads a file of at most 64 MiB. Errors: R0801, R0803 and those of `parse_config`.
Result<ConfigValue> read_config(const std::filesystem::path& path, Diagnostics& diags);

/// `hidden_size`, `text_config`, `text_config.hidden_size`, ...: every key with a value, dotted, for did-you-mean.
std::vector<std::string> dotted_keys(const ConfigValue& config);

}  // namespace rulec
