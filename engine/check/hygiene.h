// SPDX-License-Identifier: Apache-2.0
// What is said of a pack's text, whatever the model: parts that do nothing, numbers that should be names, tests that
// are missing. Only the pack's own file is looked at: a library serves others too.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "engine/pack/pack.h"
#include "engine/pack/trace.h"

#include <rulec/diagnostics.h>

namespace rulec {

/// Groups and unit axes that change nothing (R0307), numeric hooks without a value test (R0704).
void lint_text(const Rules& rules, Diagnostics& diags);

/// The whole numbers of a model's configs by dotted key: `hf.vocab_size`.
using ConfigNumbers = std::map<std::string, std::int64_t>;
ConfigNumbers config_numbers(const Rules& rules, const Inputs& inputs);

/// `let`s that write out a number which one config key has in every preset: R0209. Small numbers mean many things and
/// are left alone.
void lint_hard_coded_sizes(const Rules& rules, std::span<const ConfigNumbers> presets, Diagnostics& diags);

/// Defaults that were taken although the config has the key in a section around the place or in it, or nearly spelt so:
/// R0208.
void lint_fallbacks(const Rules& rules, const Inputs& inputs, const Trace& trace, Diagnostics& diags);

/// Loops that never ran: R0407.
void lint_empty_ranges(const Trace& trace, Diagnostics& diags);

}  // namespace rulec
