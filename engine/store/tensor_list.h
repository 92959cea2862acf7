// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

#include <vector>

namespace rulec {

/// Reads a list of tensors, a checkpoint without its numbers: a line each, parted by blanks, with comments from `#` on:
///
///     model.embed_tokens.weight  BF16  [256000 2304]  # tied
///
/// Types are spelled as safetensors spells them, or as rules do; `[]` is a scalar. The tensors come back sorted by
/// name.
///
/// Errors: R0102; R0901, one for each line that cannot be read or names a tensor again.
Result<std::vector<TensorInfo>> parse_tensor_list(SourceId source, Diagnostics& diags);

}  // namespace rulec
