// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <rulec/diagnostics.h>

namespace rulec {

/// Puts what was filed after the first `count` diagnostics into the order of the texts: a pass need not walk a file
/// from top to bottom. What stands in no text comes first.
void sort_by_place(Diagnostics& diags, std::size_t count);

}  // namespace rulec
