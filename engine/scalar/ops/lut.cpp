// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "engine/scalar/op.h"

namespace rulec::ops {
namespace {

// The integers arrive as float32, exact for any table that fits into memory; a number without an entry has no value.
void look_up(std::span<float> x, std::span<const float> table) {
  const auto entries = static_cast<float>(table.size());
  for (float& number : x) {
    const bool is_entry = number >= 0 && number < entries;
    number = is_entry ? table[static_cast<std::size_t>(number)] : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace

constinit const OpDef Lut{
    .name = "lut",
    .doc = "Takes the number as an index into a table of float32; NaN where the table has no such entry.",
    .min_arguments = 1,
    .max_arguments = 256,
    .arguments = OpArguments::Numbers,
    .domain = OpDomain::Integers,
    .result = DType::F32,
    .invert = not_invertible,
    .kernels = {look_up, nullptr, nullptr, nullptr},
};

}  // namespace rulec::ops
