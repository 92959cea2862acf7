// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "grammar/bundle.h"

namespace rulec {

/// Every file below rules/, by path: `gemma2/gemma2.rules`, `gemma2/presets/gemma2-2b/config.json`, ...
std::span<const BundledText> bundled_rules();

}  // namespace rulec
