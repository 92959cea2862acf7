// SPDX-License-Identifier: Apache-2.0
// In double, then rounded: what C libraries compute in float differs from one to the next, this only for one float in
// millions.
#include <cmath>

#include "engine/scalar/op.h"

namespace rulec::ops {

constinit const OpDef Log{
    .name = "log",
    .doc = "The natural logarithm.",
    .min_arguments = 0,
    .max_arguments = 0,
    .arguments = OpArguments::None,
    .domain = OpDomain::Floats,
    .result = std::nullopt,
    .invert = undone_by<Exp>,
    .kernels = float_kernels([](auto x) { return static_cast<decltype(x)>(std::log(static_cast<double>(x))); }),
};

}  // namespace rulec::ops
