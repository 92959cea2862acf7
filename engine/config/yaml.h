// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/config/config.h"

namespace rulec {

/// `parse_config` for YAML, of which the text is UTF-8 already. Stricter than yaml-cpp: one document, whose keys are
/// scalars with a `:` behind them; tags of the core schema only; no merge keys (`<<`), which YAML 1.2 does not have.
Result<ConfigValue> parse_yaml(SourceId source, Diagnostics& diags);

}  // namespace rulec
