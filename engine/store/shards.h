// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <rulec/tensor.h>

namespace rulec {

/// Positions of the tensors of each file, as huggingface_hub splits a model (serialization/_base.py): in the order
/// given, a new file where the next tensor would make the open one larger than `max_shard_bytes`; a tensor that is
/// larger by itself gets a file at once, and the open file goes on behind it. One empty file if there is no tensor.
std::vector<std::vector<std::size_t>> split_into_shards(std::span<const TensorInfo> tensors,
                                                        std::uint64_t max_shard_bytes);

/// `model.safetensors` if `count` is 1, else `model-00001-of-00002.safetensors`; `position` counts from 0.
std::string shard_name(std::size_t position, std::size_t count);

}  // namespace rulec
