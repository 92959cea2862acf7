// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <rulec/tensor.h>

namespace rulec {

/// Bytes of an element of a type that is not packed.
inline std::size_t element_bytes(DType dtype) {
  return static_cast<std::size_t>(bits(dtype)) / 8;
}

/// Bytes of so many elements, which are known to fit into memory and to fill whole bytes.
template <class Count>
std::size_t bytes_of(DType dtype, Count elements) {
  return static_cast<std::size_t>(elements) * static_cast<std::size_t>(bits(dtype)) / 8;
}

}  // namespace rulec
