// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "engine/plan/plan.h"
#include "engine/store/resumable.h"

namespace rulec {

/// What two runs must have in common for one to go on with the other's work: this version, the source's files
/// (`ChunkedStore::identity`), the form of the target's, what every target is made of, and where every block of the
/// plan is written. 32 hexadecimal digits.
std::string fingerprint(const ChunkedStore& source, const ResumableSink& target, const PlanInput& input,
                        const Plan& plan);

}  // namespace rulec
