// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace rulec {

/// Which bytes of a file or tensor have been written.
class WrittenRanges {
 public:
  /// Bytes [begin, end), some of which may be there.
  void add(std::uint64_t begin, std::uint64_t end) {
    auto next = ranges_.upper_bound(begin);
    if (next != ranges_.begin() && std::prev(next)->second >= begin) --next;
    while (next != ranges_.end() && next->first <= end) {
      begin = std::min(begin, next->first);
      end = std::max(end, next->second);
      next = ranges_.erase(next);
    }
    ranges_.emplace(begin, end);
  }

  /// Whether any of bytes [begin, end) is there.
  bool touches(std::uint64_t begin, std::uint64_t end) const {
    const auto next = ranges_.lower_bound(end);
    return next != ranges_.begin() && std::prev(next)->second > begin;
  }

  bool is_all_of(std::uint64_t bytes) const {
    return ranges_.size() == 1 && ranges_.begin()->first == 0 && ranges_.begin()->second == bytes;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // from begin to end, disjoint, without touching
};

}  // namespace rulec
