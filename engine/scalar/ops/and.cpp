// SPDX-License-Identifier: Apache-2.0
#include "engine/scalar/op.h"

namespace rulec::ops {

constinit const OpDef And{
    .name = "and",
    .doc = "Keeps the bits that a mask has.",
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments = OpArguments::WholeNumber,
    .domain = OpDomain::Integers,
    .result = std::nullopt,
    .invert = not_invertible,
    .kernels = integer_kernels([](auto x, auto mask) { return x & mask; }),
};

}  // namespace rulec::ops
