// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/tensor.h>

namespace rulec {

/// A list of tensors without their numbers, as presets have them: a line each, `name DTYPE [d d d]`; `#` starts a comment. Sorted by
/// name.
///
/// Errors: R0901 with line and column.
Result<std::vector<TensorInfo>> parse_tensor_list(SourceId source, Diagnostics& diags);

}  // namespace rulec
