// SPDX-License-Identifier: Apache-2.0
#include <rulec/verify.h>

#include "engine/caller.h"
#include "engine/compare/checksums.h"
#include "engine/compare/oddities.h"
#include "engine/guard.h"
#include "engine/verification.h"

namespace rulec {

Result<Verification> verify(const TensorStore& a, const TensorStore& b, const Model* model,
                            const VerifyOptions& options, Diagnostics& diags) {
  const std::vector<SharedSource> none;
  return guarded(diags, model == nullptr ? none : model->sources(), [&]() -> Result<Verification> {
    Result<Verification> found = compare_checkpoints(a, b, model, options, diags);
    if (!found) return diags.failed();
    const Pack* const pack = model == nullptr ? nullptr : &model->pack();
    if (!warn_of_oddities(CallerStore(b), found->tensors, pack, diags)) return diags.failed();
    return found;
  });
}

Result<std::vector<TensorChecksum>> checksums(const TensorStore& store, const ChecksumOptions& options,
                                              Diagnostics& diags) {
  return guarded(diags, [&] {
    const ChecksumOptions asked{options.threads, caller_progress(options.on_progress)};
    return sum_up(CallerStore(store), asked, diags);
  });
}

}  // namespace rulec
