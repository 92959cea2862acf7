// SPDX-License-Identifier: Apache-2.0
// The subcommands, one file each. A new one is a file, a line here and a line in main.cpp.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>

#include "tools/rulec/exit_code.h"

namespace rulec::cli {

/// A subcommand as CLI11 parses it, and what runs it after that.
struct Command {
  CLI::App* parser;
  std::function<ExitCode()> run;
};

Command add_convert(CLI::App& app);
Command add_plan(CLI::App& app);
Command add_check(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_diff(CLI::App& app);
Command add_verify(CLI::App& app);
Command add_test(CLI::App& app);
Command add_packs(CLI::App& app);

}  // namespace rulec::cli
