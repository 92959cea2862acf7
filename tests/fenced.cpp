// SPDX-License-Identifier: Apache-2.0
#include "tests/fenced.h"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace rulec::testing {

bool FencedBlock::has(std::string_view word) const {
  return std::ranges::find(words, word) != words.end();
}

std::string_view FencedBlock::option(std::string_view key) const {
  for (const std::string_view word : words) {
    if (word.starts_with(key) && word.substr(key.size()).starts_with('=')) return word.substr(key.size() + 1);
  }
  return {};
}

std::vector<FencedBlock> fenced_blocks(std::string_view markdown) {
  std::vector<FencedBlock> blocks;
  std::istringstream lines{std::string(markdown)};
  std::string heading;
  bool is_open = false;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("```")) {
      is_open = !is_open;
      if (!is_open) continue;
      std::istringstream info(line.substr(3));
      blocks.push_back({heading, {std::istream_iterator<std::string>(info), {}}, {}, number + 1});
    } else if (is_open) {
      blocks.back().text += line + "\n";
    } else if (line.starts_with("## ")) {
      heading = line.substr(3);
    }
  }
  return blocks;
}

}  // namespace rulec::testing
