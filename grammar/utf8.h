// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace rulec {

/// Where the first byte stands that is no UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

}  // namespace rulec
