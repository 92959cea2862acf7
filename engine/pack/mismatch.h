// SPDX-License-Identifier: Apache-2.0
// What is said of a rule whose sides do not hold the same cells, or whose hooks do not run both ways.
#pragma once

#include <string_view>

#include "engine/pack/pairing.h"

namespace rulec {

/// Reports R0301 where one axis more makes the difference, else R0303.
void report_mismatch(const Family& family, const Pairing& pairing, const axes::Mismatch& mismatch, Diagnostics& diags);

/// Reports R0502 for a two-way rule whose hook cannot be undone.
void report_one_way(const Family& family, const HookPipelines& hooks, Diagnostics& diags);

/// The place of an axis within the text of a shape; the shape if its name does not stand there.
Span axis_span(Span shape, std::string_view axis, const Diagnostics& diags);

}  // namespace rulec
