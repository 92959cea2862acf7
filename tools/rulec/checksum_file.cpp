// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/checksum_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/rulec/durable.h"
#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* Algorithm = "xxh3_128";

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<TensorChecksum> entry_of(const std::string& name, const Json& entry) {
  if (!entry.is_object()) return std::nullopt;
  const auto dtype = entry.find("dtype");
  const auto shape = entry.find("shape");
  const auto hash = entry.find(Algorithm);
  if (dtype == entry.end() || !dtype->is_string() || shape == entry.end() || !shape->is_array() ||
      hash == entry.end() || !hash->is_string())
    return std::nullopt;
  const std::optional<DType> type = find_dtype(dtype->get<std::string>());
  const bool is_shape = std::ranges::all_of(*shape, [](const Json& extent) { return extent.is_number_unsigned(); });
  if (!type || !is_shape) return std::nullopt;
  return TensorChecksum{{name, *type, shape->get<Shape>()}, hash->get<std::string>()};
}

}  // namespace

Status write_checksums(const std::vector<TensorChecksum>& sums, const fs::path& folder, Diagnostics& diags) {
  // A tensor a line, for people and their tools.
  std::string lines;
  for (const TensorChecksum& sum : sums) {
    const Json entry = {{"dtype", name(sum.tensor.dtype)}, {"shape", sum.tensor.shape}, {Algorithm, sum.xxh3_128}};
    lines += fmt::format("{}    {}: {}", lines.empty() ? "" : ",\n", text(sum.tensor.name), text(entry));
  }
  const std::string all = fmt::format("{{\n  \"rulec\": \"" RULEC_VERSION
                                      "\",\n  \"of\": \"bytes of each tensor, little-endian, in C order\",\n"
                                      "  \"tensors\": {{\n{}\n  }}\n}}\n",
                                      lines);
  return write_durably(folder / ChecksumsName, all, diags);
}

Result<std::vector<TensorChecksum>> read_checksums(const fs::path& file, Diagnostics& diags) {
  const FilePlace place{file.string(), {}};
  std::ifstream in(file, std::ios::binary);
  if (!in) return report(diags, place, diag::CannotRead, file.string(), "it cannot be opened");
  const auto bad = [&](const std::string& what) {
    return report(diags, place, diag::BadConfig, file.string(), "a list of checksums", what)
        .help("it is what `rulec convert --checksums` writes; make it anew from a checkpoint that is right");
  };
  const Json json = Json::parse(in, nullptr, false);
  const auto tensors = json.is_object() ? json.find("tensors") : json.end();
  if (tensors == json.end() || !tensors->is_object()) return bad("it has no object `tensors`");
  std::vector<TensorChecksum> sums;
  for (const auto& [name, entry] : tensors->items()) {
    std::optional<TensorChecksum> sum = entry_of(name, entry);
    if (!sum) return bad(fmt::format("`{}` needs a `dtype`, a `shape` and an `{}`", name, Algorithm));
    sums.push_back(*std::move(sum));
  }
  std::ranges::sort(sums, {}, [](const TensorChecksum& sum) -> const std::string& { return sum.tensor.name; });
  return sums;
}

}  // namespace rulec::cli
