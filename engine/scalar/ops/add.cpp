// SPDX-License-Identifier: Apache-2.0
#include "engine/scalar/op.h"

namespace rulec::ops {

constinit const OpDef Add{
    .name = "add",
    .doc = "Adds a number or a tensor.",
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments = OpArguments::NumberOrTensor,
    .domain = OpDomain::Numbers,
    .result = std::nullopt,
    .invert = undone_by<Sub>,
    .kernels = number_kernels([](auto x, auto c) { return x + c; }),
};

}  // namespace rulec::ops
