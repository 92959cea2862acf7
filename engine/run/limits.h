// SPDX-License-Identifier: Apache-2.0
// What the process may use of the machine.
#pragma once

#include <cstdint>

namespace rulec {

/// Cores that threads of this process can run on: those of its CPU mask, or of the quota of its cgroup if that is less.
int usable_cores();

/// 1 GiB, or a quarter of the memory that the cgroup or the machine has if that is less; 64 MiB at least.
std::uint64_t default_memory_bytes();

/// No run gets along with less.
constexpr std::uint64_t MinMemoryBytes = std::uint64_t{64} << 20U;

}  // namespace rulec
