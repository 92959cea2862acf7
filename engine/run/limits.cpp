// SPDX-License-Identifier: Apache-2.0
#include "engine/run/limits.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace rulec {
namespace {

constexpr const char* Root = "/sys/fs/cgroup";

/// Calls `look` with a file of each cgroup that holds this process, from its own up (cgroups, version 2).
template <class Look>
void each_cgroup_file(const std::string& name, const Look& look) {
  std::ifstream list("/proc/self/cgroup");
  std::string line;
  std::string path;
  while (std::getline(list, line)) {
    if (line.starts_with("0::")) path = line.substr(3);
  }
  while (true) {
    if (std::ifstream file(Root + path + "/" + name); file) look(file);
    if (path.empty() || path == "/") return;
    path.resize(path.rfind('/'));
  }
}

std::uint64_t memory_limit() {
  std::uint64_t least =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  each_cgroup_file("memory.max", [&](std::ifstream& file) {
    std::uint64_t bytes = 0;  // or `max`, which is no number
    if (file >> bytes) least = std::min(least, bytes);
  });
  return least;
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  double cores = ::sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  each_cgroup_file("cpu.max", [&](std::ifstream& file) {
    double quota = 0;
    double period = 0;
    if (file >> quota >> period && period > 0) cores = std::min(cores, quota / period);
  });
  return std::max(1, static_cast<int>(std::lround(cores)));
}

std::uint64_t default_memory_bytes() {
  return std::max(MinMemoryBytes, std::min(std::uint64_t{1} << 30U, memory_limit() / 4));
}

}  // namespace rulec
