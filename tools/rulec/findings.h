// SPDX-License-Identifier: Apache-2.0
// How diagnostics leave a command: as text, as JSON, as the exit code.
#pragma once

#include <cstdio>
#include <nlohmann/json_fwd.hpp>

#include <rulec/diagnostics.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/exit_code.h"

namespace rulec::cli {

/// Judges by the errors alone: a bug of ours, else usage, input or output, else findings, else fine.
ExitCode exit_code(const Diagnostics& diags);

/// Every diagnostic for people; in colour where `to` is a terminal and NO_COLOR is not set.
void print_findings(const Diagnostics& diags, std::FILE* to);

/// Ends a command. Text: the diagnostics to stderr. JSON: `result` to stdout, with the diagnostics as its member
/// `diagnostics`.
ExitCode finish(const Diagnostics& diags, Format format, nlohmann::ordered_json result);

/// Prints to stdout.
void print_json(const nlohmann::ordered_json& result);

/// The diagnostics as JSON.
nlohmann::ordered_json to_json(const Diagnostics& diags);

}  // namespace rulec::cli
