// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/step_metadata.h"

#include <fmt/core.h>

#include <optional>

#include "engine/file/json_tree.h"
#include "engine/store/orbax/json_file.h"

namespace rulec::orbax {
namespace {

std::optional<std::string> spelled(const JsonTree& value) {
  switch (value.kind) {
    case JsonValue::Kind::Boolean:
      return value.number != 0 ? "true" : "false";
    case JsonValue::Kind::Unsigned:
      return fmt::format("{}", value.number);
    case JsonValue::Kind::Negative:
    case JsonValue::Kind::String:
      return value.text;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<StepMetadata> parse_step_metadata(std::string_view text, const std::string& path, Diagnostics& diags) {
  JsonTree tree;
  if (const std::optional<JsonError> error = read_json_tree(text, tree, MaxJsonDepth)) {
    return report_json_error(path, *error, diags);
  }
  if (!tree.is(JsonValue::Kind::Object)) {
    return bad_orbax(path, tree.offset, fmt::format("it is {}, expected an object", describe(tree)), diags);
  }
  StepMetadata metadata;
  metadata.file = path;
  const JsonTree* custom = tree.find("custom_metadata");
  if (custom == nullptr || custom->is(JsonValue::Kind::Null)) return metadata;
  if (!custom->is(JsonValue::Kind::Object)) {
    return bad_orbax(path, custom->offset,
                     fmt::format("`custom_metadata` is {}, expected an object", describe(*custom)), diags);
  }
  if (custom->names.empty()) return metadata;
  metadata.custom_metadata = json_value_at(text, custom->offset);
  for (std::size_t i = 0; i < custom->names.size(); ++i) {
    if (const auto value = spelled(custom->items[i])) metadata.values.emplace(custom->names[i], *value);
  }
  return metadata;
}

}  // namespace rulec::orbax
