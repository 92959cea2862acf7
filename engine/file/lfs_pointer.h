// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace rulec {

/// Whether a file that begins like this is what Git LFS leaves in the place of a large file that was not fetched.
inline bool is_lfs_pointer(std::string_view beginning) {
  return beginning.starts_with("version https://git-lfs.github.com/spec/");
}

}  // namespace rulec
