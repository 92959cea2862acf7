// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// What transformers and MaxText call the index of a folder of shards.
constexpr std::string_view IndexName = "model.safetensors.index.json";

/// Ours. A million tensors take about 100 bytes each in an index.
constexpr std::uint64_t MaxIndexBytes = std::uint64_t{1} << 26;

/// Which shard holds which tensor.
struct ShardIndex {
  struct Entry {
    std::string tensor;
    std::size_t file = 0;     ///< position in `files`
    std::uint64_t place = 0;  ///< of the tensor's name in the index, in bytes
  };
  std::vector<std::string> files;            ///< sorted, each once; plain names within the folder of the index
  std::vector<Entry> entries;                ///< sorted by tensor
  std::optional<std::uint64_t> total_bytes;  ///< `metadata.total_size`: a claim, often wrong
  std::uint64_t total_place = 0;             ///< of that number in the index, in bytes
};

/// Reads the text of an index; `path` is its name in messages.
///
/// Errors: R0803, R0805, and R0806 for a shard that is no plain file name. Warnings: R0816.
Result<ShardIndex> parse_shard_index(std::string_view text, const std::string& path, Diagnostics& diags);

}  // namespace rulec
