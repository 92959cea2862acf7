// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec {

/// A tensor as a safetensors header writes it down: every member there and of the right type, none held against
/// another.
struct HeaderMember {
  TensorInfo info;
  std::uint64_t begin = 0;  ///< of its bytes, counted from the end of the header
  std::uint64_t end = 0;
  std::uint64_t place = 0;  ///< of its name, counted from the beginning of the file
};

/// What the header's length takes, with which a file begins.
constexpr std::uint64_t LengthBytes = 8;

/// How many findings of one header are reported; a broken file is seldom broken in one place.
constexpr std::size_t MaxHeaderFindings = 10;

/// The tensors of a header (the JSON alone), in its order. Names may still stand twice.
///
/// Errors: R0802, R0803, R0804; warnings: R0816.
Result<std::vector<HeaderMember>> read_header_members(std::string_view header, const std::string& path,
                                                      Diagnostics& diags);

}  // namespace rulec
