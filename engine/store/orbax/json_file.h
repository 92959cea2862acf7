// SPDX-License-Identifier: Apache-2.0
// The JSON files of an Orbax checkpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/file/json_events.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::orbax {

// Ours. A leaf takes some 500 bytes of `_METADATA`; programs put what they like into the custom metadata, but no more
// than a person would look through.
constexpr std::uint64_t MaxTreeBytes = std::uint64_t{1} << 26U;
constexpr std::uint64_t MaxStepMetadataBytes = std::uint64_t{1} << 20U;
constexpr int MaxJsonDepth = 64;

/// R0840, at byte `offset` of the file `path`, or of a folder.
Finding bad_orbax(const std::string& path, std::optional<std::uint64_t> offset, std::string_view what,
                  Diagnostics& diags);

/// R0840, or R0803 for what is nested too deep.
Finding report_json_error(const std::string& path, const JsonError& error, Diagnostics& diags);

/// The whole text of a file below `folder`, beyond which no link may lead. Errors: R0801, R0803, R0806, R0811, R0817.
Result<std::string> read_small_file(const std::filesystem::path& folder, const std::filesystem::path& path,
                                    std::uint64_t max_bytes, Diagnostics& diags);

/// The value that begins at `offset` of a text that is JSON, as it stands there.
std::string_view json_value_at(std::string_view text, std::size_t offset);

}  // namespace rulec::orbax
