// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct XXH3_state_s;

namespace rulec {

/// The XXH3 hash of 128 bits, seed 0 (https://github.com/Cyan4973/xxHash), of bytes that come in parts.
class Xxh3 {
 public:
  /// Throws std::bad_alloc.
  Xxh3();

  void add(std::span<const std::byte> bytes);
  /// 32 hexadecimal digits, the highest first.
  std::string digits() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace rulec
