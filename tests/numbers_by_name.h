// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <rulec/tensor.h>

namespace rulec::testing {

/// The bytes that tests/oracle/numbers_by_name.py fills a tensor with: numbers that follow from its name and type
/// alone. Floating-point numbers of either sign between 1/8 and 32, small integers, 8-bit floats below 2.
std::vector<std::byte> numbers_by_name(const TensorInfo& info);

}  // namespace rulec::testing
