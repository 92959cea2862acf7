// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/scalar/op.h"

namespace rulec::ops {
namespace {

// The one op for which signed numbers are not unsigned ones in other words: their sign moves in from the left.
template <class T>
void shift_right(std::span<T> x, std::span<const T> second) {
  const auto places = static_cast<int>(std::clamp<T>(second.front(), 0, 63));
  for (T& number : x) number >>= places;
}

}  // namespace

constinit const OpDef Shr{
    .name = "shr",
    .doc = "Shifts right by a number of bits, keeping the sign.",
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments = OpArguments::WholeNumber,
    .domain = OpDomain::Integers,
    .result = std::nullopt,
    .invert = not_invertible,
    .kernels = {nullptr, nullptr, shift_right<std::int64_t>, shift_right<std::uint64_t>},
};

}  // namespace rulec::ops
