// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::cli {

/// What a converted checkpoint says of itself in `rulec.json`, so that the way back needs no options.
struct Record {
  std::filesystem::path file;  ///< that was read
  std::string pack;
  std::string from;                            ///< the side that it was made from
  std::string side;                            ///< the side that it is on
  std::map<std::string, std::string> options;  ///< of the pack, as decided
};

/// The record in `folder`, or nothing if there is none. Errors: R0801, R0901.
Result<std::optional<Record>> read_record(const std::filesystem::path& folder, Diagnostics& diags);

/// Errors: R0809.
Status write_record(const Record& record, const std::filesystem::path& folder, Diagnostics& diags);

}  // namespace rulec::cli
