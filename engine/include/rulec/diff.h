// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rulec/pack.h>
#include <rulec/store.h>

namespace rulec {

enum class Difference : std::uint8_t {
  Same,         ///< every bit
  WithinClass,  ///< differs by no more than the class that the checker proved
  Values,       ///< differs by more
  DType,        ///< another type
  Shape,        ///< another shape
  OnlyA,
  OnlyB,
};
std::string_view to_string(Difference difference);

struct TensorDifference {
  std::string name;  ///< in A, or where A lacks it in B
  Difference difference = Difference::Same;
  std::uint64_t cells = 0;  ///< that differ
  std::uint64_t worst_ulp = 0;
  std::string detail;  ///< the first difference, or the two shapes or types; the class that allows it
};

/// `verify` in a line a tensor: see there. With a model whose two sides they are (or which maps A's side onto B's), A
/// is converted and compared with B; differences up to the class of the rule are `WithinClass`.
Result<std::vector<TensorDifference>> diff(const TensorStore& a, const TensorStore& b, const Model* model,
                                           Diagnostics& diags);

}  // namespace rulec
