// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <rulec/convert.h>

namespace rulec::cli {

/// Holds a conversion to a plan that `rulec plan --format json` has written: to its memory and its fingerprint. Errors:
/// R0801, R0901, and R0849 if `options` have another memory already.
Status take_plan(const std::string& file, ConvertOptions& options, Diagnostics& diags);

}  // namespace rulec::cli
