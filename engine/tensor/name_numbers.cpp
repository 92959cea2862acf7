// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/name_numbers.h"

namespace rulec {

std::string without_numbers(std::string_view name) {
  std::string text;
  std::size_t done = 0;
  each_number(name, [&](std::size_t begin, std::size_t end) {
    text.append(name.substr(done, begin - done)).append("#");
    done = end;
  });
  return text.append(name.substr(done));
}

}  // namespace rulec
