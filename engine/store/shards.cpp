// SPDX-License-Identifier: Apache-2.0
#include "engine/store/shards.h"

#include <fmt/core.h>

#include <utility>

namespace rulec {

std::vector<std::vector<std::size_t>> split_into_shards(std::span<const TensorInfo> tensors,
                                                        std::uint64_t max_shard_bytes) {
  std::vector<std::vector<std::size_t>> shards;
  std::vector<std::size_t> open;
  std::uint64_t open_bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::uint64_t bytes = tensors[i].bytes();
    if (bytes > max_shard_bytes) {
      shards.push_back({i});
      continue;
    }
    if (bytes > max_shard_bytes - open_bytes) {
      shards.push_back(std::exchange(open, {}));
      open_bytes = 0;
    }
    open.push_back(i);
    open_bytes += bytes;
  }
  if (!open.empty() || shards.empty()) shards.push_back(std::move(open));
  return shards;
}

std::string shard_name(std::size_t position, std::size_t count) {
  if (count == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", position + 1, count);
}

}  // namespace rulec
