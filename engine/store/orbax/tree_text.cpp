// SPDX-License-Identifier: Apache-2.0
#include "engine/store/orbax/tree_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/file/printable.h"

namespace rulec::orbax {
namespace {

constexpr std::string_view Handler = "orbax.checkpoint.experimental.v1._src.handlers.pytree_handler.PyTreeHandler";

// A string of JSON in ASCII alone.
std::string ascii_json(std::string_view text) {
  if (is_plain(text)) return fmt::format("\"{}\"", text);
  return nlohmann::json(text).dump(-1, ' ', true);
}

// A string as Python's `repr` prints it.
std::string python_string(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+00BF are C2 and the number itself.
    const unsigned next = c == 0xC2 && i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (c == '\\' || c == quote) {
      out += {'\\', text[i]};
    } else if (c == '\t' || c == '\n' || c == '\r') {
      out += c == '\t' ? "\\t" : c == '\n' ? "\\n" : "\\r";
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", c);
    } else if ((next >= 0x80 && next <= 0xA0) || next == 0xAD) {
      out += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      out += text[i];
    }
  }
  return out + quote;
}

std::string leaf_text(const WrittenLeaf& leaf) {
  std::vector<std::string> keys;
  // 2: a key of a dictionary.
  for (const std::string& key : leaf.keys)
    keys.push_back(fmt::format(R"({{"key": {}, "key_type": 2}})", ascii_json(key)));
  return fmt::format(R"({}: {{"key_metadata": [{}], "value_metadata": {{"value_type": {}, "skip_deserialize": {}}}}})",
                     ascii_json(python_tuple(leaf.keys)), fmt::join(keys, ", "), ascii_json(leaf.value_type),
                     !leaf.has_data);
}

}  // namespace

std::string python_tuple(std::span<const std::string> keys) {
  std::string out = "(";
  for (const std::string& key : keys) out += (out.size() > 1 ? ", " : "") + python_string(key);
  return out + (keys.size() == 1 ? ",)" : ")");
}

std::string tree_text(std::span<const WrittenLeaf> leaves, const TreeForm& form) {
  std::vector<std::string> members;
  for (const WrittenLeaf& leaf : leaves) members.push_back(leaf_text(leaf));
  return fmt::format(R"({{"tree_metadata": {{{}}}, "use_ocdbt": {}, "use_zarr3": {}, )"
                     R"("store_array_data_equal_to_fill_value": true, "custom_metadata": null}})",
                     fmt::join(members, ", "), form.is_database, form.is_zarr3);
}

std::string checkpoint_text(std::string_view item, const std::map<std::string, bool>& custom_metadata,
                            const Times& times) {
  std::vector<std::string> custom;
  for (const auto& [name, value] : custom_metadata) custom.push_back(fmt::format("{}: {}", ascii_json(name), value));
  return fmt::format(R"({{"item_handlers": {{{}: {}}}, "metrics": {{}}, "performance_metrics": {{}}, )"
                     R"("init_timestamp_nsecs": {}, "commit_timestamp_nsecs": {}, "custom_metadata": {{{}}}}})",
                     ascii_json(item), ascii_json(Handler), times.begun, times.committed, fmt::join(custom, ", "));
}

}  // namespace rulec::orbax
