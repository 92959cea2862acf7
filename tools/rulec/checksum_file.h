// SPDX-License-Identifier: Apache-2.0
// `checksums.json`: the checksum of every tensor of the checkpoint that it lies beside.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include <rulec/verify.h>

namespace rulec::cli {

inline constexpr std::string_view ChecksumsName = "checksums.json";

/// Makes `checksums.json` in `folder`; it is on the disk when this returns, but for its name. Errors: R0809.
Status write_checksums(const std::vector<TensorChecksum>& sums, const std::filesystem::path& folder,
                       Diagnostics& diags);

/// By name. Errors: R0801, R0901.
Result<std::vector<TensorChecksum>> read_checksums(const std::filesystem::path& file, Diagnostics& diags);

}  // namespace rulec::cli
