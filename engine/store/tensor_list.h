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
/// A name may be a series, one for each number of its holes, as `names_of_series` takes it:
///
///     model.layers.<3..61>.mlp.experts.<0..256>.up_proj.weight  BF16  [2048 7168]
///
/// Types are spelled as safetensors spells them, or as rules do; `[]` is a scalar. The tensors come back sorted by
/// name.
///
/// Errors: R0102; R0901, one for each line that cannot be read, names a tensor again, or names too many.
Result<std::vector<TensorInfo>> parse_tensor_list(SourceId source, Diagnostics& diags);

}  // namespace rulec
