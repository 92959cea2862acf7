// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/record.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/rulec/durable.h"
#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* FileName = "rulec.json";
constexpr std::uintmax_t MaxBytes = 1 << 20;

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<std::optional<Record>> read_record(const fs::path& folder, Diagnostics& diags) {
  const fs::path file = folder / FileName;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return std::optional<Record>();
  if (fs::file_size(file, error) > MaxBytes || error) {
    return report(diags, FilePlace{file.string(), {}}, diag::BadConfig, file.string(), "JSON",
                  "it is larger than 1 MiB");
  }
  std::ifstream in(file, std::ios::binary);
  const Json json = Json::parse(in, nullptr, false);
  if (!json.is_object()) {
    return report(diags, FilePlace{file.string(), {}}, diag::BadConfig, file.string(), "JSON", "it is no object")
        .help("remove it, and say with --pack and --to what it said");
  }
  Record record{file, text_of(json, "pack"), text_of(json, "from"), text_of(json, "side"), {}};
  if (const auto options = json.find("options"); options != json.end() && options->is_object()) {
    for (const auto& [name, value] : options->items()) {
      if (value.is_string()) record.options[name] = value.get<std::string>();
    }
  }
  return std::optional(record);
}

Status write_record(const Record& record, const fs::path& folder, Diagnostics& diags) {
  const Json json = {{"rulec", RULEC_VERSION},
                     {"pack", record.pack},
                     {"from", record.from},
                     {"side", record.side},
                     {"options", record.options}};
  return write_durably(folder / FileName, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", diags);
}

}  // namespace rulec::cli
