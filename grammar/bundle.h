// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace rulec {

/// A text that the library carries within itself: it is there without any file at run time. embed.cmake makes tables of
/// them, sorted by path.
struct BundledText {
  std::string_view path;  ///< below the folder that was embedded: `gemma2/gemma2.rules`
  std::string_view text;
};

}  // namespace rulec
