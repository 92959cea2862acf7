// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/store/chunked.h"

#include <rulec/tensor.h>

namespace rulec {

/// Where everything of a safetensors file goes.
struct SafetensorsLayout {
  std::string header;  ///< the beginning of the file: length, JSON, and blanks up to a multiple of 8 bytes
  std::vector<std::uint64_t> offsets;  ///< where each tensor begins, in the order given, from the beginning of the file
  std::uint64_t bytes = 0;             ///< the size of the file
};

/// Lays out a file as the format's own writer does (https://github.com/huggingface/safetensors, tensor.rs `prepare`):
/// tensors back to back, by dtype descending and then by name, the header in the same order behind `__metadata__`
/// `{"format":"pt"}`. `chosen` are positions in `tensors`; their names are unique and fit for JSON. Nothing if the size
/// does not fit into 63 bits.
///
/// `origins`, if there are any, say of each of `tensors` where in files of a source its bytes lie already. If they all
/// do, the tensors of the file are in that order, and as many blanks more follow the header as bring most of the bytes
/// as far behind a block boundary of the disk as they are there, so that blocks can be shared (`OutputFile::reflink`).
std::optional<SafetensorsLayout> lay_out_shard(std::span<const TensorInfo> tensors, std::span<const std::size_t> chosen,
                                               std::span<const std::optional<StoredAt>> origins);

/// `text` in quotes as serde_json writes it: other than what must be escaped, UTF-8 as it is. Nothing if it is not
/// UTF-8.
std::optional<std::string> json_string(std::string_view text);

}  // namespace rulec
