// SPDX-License-Identifier: Apache-2.0
#include "engine/scalar/op.h"

namespace rulec::ops {

constinit const OpDef Neg{
    .name = "neg",
    .doc = "Changes the sign.",
    .min_arguments = 0,
    .max_arguments = 0,
    .arguments = OpArguments::None,
    .domain = OpDomain::Numbers,
    .result = std::nullopt,
    .invert = undone_by<Neg>,
    .kernels = number_kernels([](auto x) { return -x; }),
};

}  // namespace rulec::ops
