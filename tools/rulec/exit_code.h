// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace rulec::cli {

/// What the process ends with, for every command and format.
enum class ExitCode : int {
  Fine = 0,
  Findings = 1,  ///< the rules, the checkpoint or the comparison have findings
  Error = 2,     ///< usage, input or output
  Bug = 70,      ///< ours (sysexits.h, EX_SOFTWARE)
};

}  // namespace rulec::cli
