// SPDX-License-Identifier: Apache-2.0
#include "engine/store/safetensors_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/file/printable.h"
#include "engine/store/safetensors_header.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

constexpr std::uint64_t MaxFileBytes = std::numeric_limits<std::int64_t>::max();

std::string length_bytes(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xFFU);
  return bytes;
}

}  // namespace

std::optional<SafetensorsLayout> lay_out_shard(std::span<const TensorInfo> tensors, std::span<const std::size_t> chosen,
                                               std::span<const std::optional<StoredAt>> origins) {
  std::vector<std::size_t> order(chosen.size());  // positions in `chosen`
  std::iota(order.begin(), order.end(), std::size_t{0});
  const bool all_have_origins =
      !origins.empty() && std::ranges::all_of(chosen, [&](std::size_t t) { return origins[t].has_value(); });
  std::ranges::sort(order, [&](std::size_t i, std::size_t k) {
    const TensorInfo& a = tensors[chosen[i]];
    const TensorInfo& b = tensors[chosen[k]];
    if (all_have_origins && origins[chosen[i]] != origins[chosen[k]]) return *origins[chosen[i]] < *origins[chosen[k]];
    return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;
  });
  std::string json = R"({"__metadata__":{"format":"pt"})";
  SafetensorsLayout layout{.header = {}, .offsets = std::vector<std::uint64_t>(chosen.size())};
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const TensorInfo& info = tensors[chosen[i]];
    const std::uint64_t bytes = info.bytes();
    const std::optional<std::string> quoted = json_string(info.name);
    RULEC_ASSERT(quoted);
    if (bytes > MaxFileBytes - MaxHeaderBytes - end) return std::nullopt;
    layout.offsets[i] = end;
    fmt::format_to(std::back_inserter(json), R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", *quoted,
                   name(info.dtype), fmt::join(info.shape, ","), end, end + bytes);
    end += bytes;
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');
  if (all_have_origins) {
    std::map<std::uint64_t, std::uint64_t> wanted;  // blanks -> bytes that they bring to where they come from
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const std::uint64_t begin = sizeof(std::uint64_t) + json.size() + layout.offsets[i];
      wanted[(origins[chosen[i]]->offset - begin) % DirectBlock] += tensors[chosen[i]].bytes();
    }
    const auto best = std::ranges::max_element(wanted, {}, [](const auto& one) { return one.second; });
    if (best != wanted.end() && best->first % 8 == 0) json.resize(json.size() + best->first, ' ');
  }
  layout.header = length_bytes(json.size()) + json;
  for (std::uint64_t& offset : layout.offsets) offset += layout.header.size();
  layout.bytes = layout.header.size() + end;
  return layout;
}

std::optional<std::string> json_string(std::string_view text) {
  if (is_plain(text)) return fmt::format("\"{}\"", text);
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    return std::nullopt;  // not UTF-8
  }
}

}  // namespace rulec
