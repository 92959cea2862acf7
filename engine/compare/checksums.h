// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/verify.h>

namespace rulec {

/// `checksums`, where exceptions may still fly.
Result<std::vector<TensorChecksum>> sum_up(const TensorStore& store, const ChecksumOptions& options,
                                           Diagnostics& diags);

}  // namespace rulec
