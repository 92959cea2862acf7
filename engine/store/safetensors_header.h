// SPDX-License-Identifier: Apache-2.0
// The header of a safetensors file: 8 bytes N, little-endian, and N bytes of JSON. Pure functions: bytes in, a
// catalogue or messages out. Accepted is what the format's own reader accepts
// (https://github.com/huggingface/safetensors, tensor.rs), and of that only what has one meaning: no name twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec {

/// The format's own limit.
constexpr std::uint64_t MaxHeaderBytes = 100'000'000;

/// Ours; numpy has 64, no model more than 6.
constexpr std::size_t MaxRank = 32;

/// A tensor and where its bytes begin, counted from the beginning of the file.
struct StoredTensor {
  TensorInfo info;
  std::uint64_t offset = 0;
};

/// How many bytes of a file `header_length` likes to see.
constexpr std::size_t HeaderPrefixBytes = 64;

/// The length N of the header, which fits into the file.
///
/// `prefix` is the beginning of the file, `HeaderPrefixBytes` or as many as there are; `file_bytes` its size; `path`
/// its name in messages. Errors: R0802, R0803, and R0811 if this is the text that Git LFS leaves in place of a file.
Result<std::uint64_t> header_length(std::string_view prefix, std::uint64_t file_bytes, const std::string& path,
                                    Diagnostics& diags);

/// The tensors of a file of `file_bytes` with this header (the JSON alone), sorted by name. Their bytes fill the rest
/// of the file without hole and overlap.
///
/// Errors: R0802, R0803, R0804; warnings: R0816.
Result<std::vector<StoredTensor>> parse_safetensors_header(std::string_view header, std::uint64_t file_bytes,
                                                           const std::string& path, Diagnostics& diags);

}  // namespace rulec
