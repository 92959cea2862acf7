// SPDX-License-Identifier: Apache-2.0
// A true division, not a multiplication by the reciprocal: XLA's way is `mul(1 / f32(c))`, which differs in the last
// bit.
#include "engine/scalar/op.h"

namespace rulec::ops {

constinit const OpDef Div{
    .name = "div",
    .doc = "Divides by a number or a tensor.",
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments = OpArguments::NumberOrTensor,
    .domain = OpDomain::Floats,
    .result = std::nullopt,
    .invert = undone_by<Mul>,
    .kernels = float_kernels([](auto x, auto c) { return x / c; }),
};

}  // namespace rulec::ops
