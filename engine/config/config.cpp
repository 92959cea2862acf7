// SPDX-License-Identifier: Apache-2.0
#include "engine/config/config.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "engine/config/json.h"
#include "engine/config/yaml.h"
#include "grammar/messages.h"
#include "grammar/render/excerpt.h"
#include "grammar/utf8.h"

namespace rulec {
namespace {

constexpr std::uintmax_t MaxConfigBytes = std::uintmax_t{64} << 20;

void add_keys(const ConfigValue& value, const std::string& prefix, std::vector<std::string>& keys) {
  const auto* object = std::get_if<ConfigObject>(&value.node);
  if (object == nullptr) return;
  for (const ConfigMember& member : *object) {
    if (member.value.is_null()) continue;
    keys.push_back(prefix + member.key);
    add_keys(member.value, keys.back() + ".", keys);
  }
}

Result<std::string> read_text(const std::filesystem::path& path, Diagnostics& diags) {
  const std::string name = path.string();
  const auto cannot = [&](std::string_view why) {
    return report(diags, FilePlace{name, {}}, diag::CannotRead, render::printable(name), why);
  };
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return cannot(error ? error.message() : "there is no such file");
  // Nothing else is opened: a pipe would wait for its other end.
  if (!std::filesystem::is_regular_file(status)) return cannot("it is not a regular file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return cannot(error.message());
  if (size > MaxConfigBytes) {
    return report(diags, FilePlace{name, {}}, diag::OverLimit,
                  fmt::format("`{}` has {} bytes", render::printable(name), size),
                  fmt::format("{} for a config", MaxConfigBytes));
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  if (!in || in.peek() != std::ifstream::traits_type::eof())
    return cannot("it could not be opened, or changed while it was read");
  return text;
}

}  // namespace

const ConfigValue* ConfigValue::find(std::string_view key) const {
  const auto* object = std::get_if<ConfigObject>(&node);
  if (object == nullptr) return nullptr;
  const auto found = std::ranges::find(*object, key, &ConfigMember::key);
  return found == object->end() || found->value.is_null() ? nullptr : &found->value;
}

Result<ConfigValue> parse_config(SourceId source, Diagnostics& diags) {
  const Source& file = diags.sources()[source];
  if (const auto invalid = find_invalid_utf8(file.text())) {
    const auto at = static_cast<std::uint32_t>(*invalid);
    return report(diags, Span{source, at, at + 1}, diag::NotUtf8);
  }
  return file.name().ends_with(".json") ? parse_json(source, diags) : parse_yaml(source, diags);
}

Result<ConfigValue> read_config(const std::filesystem::path& path, Diagnostics& diags) {
  Result<std::string> text = read_text(path, diags);
  if (!text) return diags.failed();
  return parse_config(diags.sources().add(path.string(), *std::move(text)), diags);
}

std::vector<std::string> dotted_keys(const ConfigValue& config) {
  std::vector<std::string> keys;
  add_keys(config, {}, keys);
  return keys;
}

}  // namespace rulec
