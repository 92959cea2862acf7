// SPDX-License-Identifier: Apache-2.0
// Two checkpoints, tensor by tensor: what `verify` and `diff` have in common.
#pragma once

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/verify.h>

namespace rulec {

/// `verify` without its warnings, and where exceptions may still fly.
Result<Verification> compare_checkpoints(const TensorStore& a, const TensorStore& b, const Model* model,
                                         const VerifyOptions& options, Diagnostics& diags);

}  // namespace rulec
