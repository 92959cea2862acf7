// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <optional>

#include <rulec/convert.h>

namespace rulec::cli {

/// `--part K/N`.
void add_part_option(CLI::App& app, std::optional<Part>& into);

}  // namespace rulec::cli
