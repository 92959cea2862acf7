// SPDX-License-Identifier: Apache-2.0
#include "engine/scalar/op.h"

namespace rulec::ops {

namespace {

/// Nothing undoes a multiplication by zero.
std::optional<Call> invert(const Call& call) {
  const auto* factor = std::get_if<Constant>(&call.arguments.front());
  if (factor != nullptr && factor->value == 0) return std::nullopt;
  return undone_by<Div>(call);
}

}  // namespace

constinit const OpDef Mul{
    .name = "mul",
    .doc = "Multiplies by a number or a tensor.",
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments = OpArguments::NumberOrTensor,
    .domain = OpDomain::Numbers,
    .result = std::nullopt,
    .invert = invert,
    .kernels = number_kernels([](auto x, auto c) { return x * c; }),
};

}  // namespace rulec::ops
