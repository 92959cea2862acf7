// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "engine/scalar/op.h"

namespace rulec {

// An explicit list: a static library's linker drops what registers itself.
std::span<const OpDef* const> all_ops() {
#define RULEC_OP(name) &ops::name,
  static constexpr std::array List{
#include "engine/scalar/ops.def"
  };
#undef RULEC_OP
  return List;
}

const OpDef* find_op(std::string_view name) {
  const auto list = all_ops();
  const auto found = std::ranges::find(list, name, &OpDef::name);
  return found == list.end() ? nullptr : *found;
}

}  // namespace rulec
