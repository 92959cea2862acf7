// SPDX-License-Identifier: Apache-2.0
// The conversion itself is Tile::convert; this is what rules may say of it.
#include "engine/scalar/op.h"

namespace rulec::ops {

constinit const OpDef Cast{
    .name = "cast",
    .doc = "Converts to a type, rounding once; the last one fixes the type that is stored.",
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments = OpArguments::Type,
    .domain = OpDomain::Any,
    .result = std::nullopt,
    .invert = not_invertible,
    .kernels = {nullptr, nullptr, nullptr, nullptr},
};

}  // namespace rulec::ops
