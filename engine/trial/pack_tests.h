// SPDX-License-Identifier: Apache-2.0
// The two kinds of tests that `test` runs on small models of the pack. Each adds a line a test to `lines`: `ok    norms
// are zero-centred (scan_layers = true)`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/rules/rules.h"
#include "engine/trial/tiny_models.h"

#include <rulec/diagnostics.h>

namespace rulec {

/// The `test` blocks of the pack's own file, each in every layout that has the tensors it names. Errors: R0614, and
/// those of conversion.
void run_test_blocks(const std::shared_ptr<const Rules>& rules, TinyModels& models, std::vector<std::string>& lines,
                     Diagnostics& diags);

/// Random small models of every preset and layout, from either side to the other and back, in bfloat16 and float32.
/// Errors: R0615, and those of conversion.
void run_round_trips(const std::shared_ptr<const Rules>& rules, TinyModels& models, std::vector<std::string>& lines,
                     Diagnostics& diags);

}  // namespace rulec
