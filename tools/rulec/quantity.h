// SPDX-License-Identifier: Apache-2.0
// Numbers with units, for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace rulec::cli {

/// `5.23 GB`: three digits, powers of 1000.
std::string bytes_text(std::uint64_t bytes);

/// `0.04 s`, `12.3 s`, `3:07 min`, `1:02:09 h`.
std::string time_text(std::chrono::duration<double> time);

/// `1 tensor`, `2 tensors`.
std::string count_text(std::uint64_t count, std::string_view noun);

}  // namespace rulec::cli
