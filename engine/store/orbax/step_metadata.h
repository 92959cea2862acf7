// SPDX-License-Identifier: Apache-2.0
// `_CHECKPOINT_METADATA`, which says what a program knew of a step when it saved it. Pure functions from the text.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec::orbax {

constexpr std::string_view StepMetadataName = "_CHECKPOINT_METADATA";

struct StepMetadata {
  std::string file;
  std::string custom_metadata;  ///< JSON as it stands there; empty if absent, null or an empty object
  /// Of the custom metadata, what is true, false, a whole number or a string, as a command line spells it: MaxText puts
  /// `scan_layers` there.
  std::map<std::string, std::string> values;
};

/// Reads the text of the file; `path` is its name in messages. Errors: R0840, R0803.
Result<StepMetadata> parse_step_metadata(std::string_view text, const std::string& path, Diagnostics& diags);

}  // namespace rulec::orbax
