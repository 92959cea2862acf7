// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace rulec::cli {

/// What packs call the side whose checkpoints are MaxText's: it has its own configs, and is written as Orbax.
constexpr std::string_view MaxText = "maxtext";

}  // namespace rulec::cli
