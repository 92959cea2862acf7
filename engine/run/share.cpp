// SPDX-License-Identifier: Apache-2.0
#include "engine/run/share.h"

#include <algorithm>
#include <set>

namespace rulec {
namespace {

struct Traffic {
  std::uint64_t read = 0;
  std::uint64_t written = 0;
};

/// By unit. A load counts for the first unit that names it.
std::vector<Traffic> traffic_of(const PlanInput& input, const Plan& plan) {
  std::vector<bool> is_counted(plan.loads.size());
  std::vector<Traffic> traffic;
  for (const Unit& unit : plan.units) {
    Traffic one;
    for (const std::size_t load : unit.loads) {
      if (!is_counted[load]) one.read += plan.loads[load].bytes;
      is_counted[load] = true;
    }
    for (const Block& block : unit.targets) one.written += buffer_bytes(block, input.targets[block.tensor].info.dtype);
    traffic.push_back(one);
  }
  return traffic;
}

}  // namespace

Share share_of(const PlanInput& input, const Plan& plan, const Part& part) {
  const std::vector<Traffic> traffic = traffic_of(input, plan);
  std::uint64_t all = 0;
  for (const Traffic& one : traffic) all += one.read + one.written;
  // The unit in the middle of which a share would end is wholly of the one that has its middle.
  const auto bound = [&](int number) {
    return all / static_cast<std::uint64_t>(part.of) * static_cast<std::uint64_t>(number);
  };
  const std::uint64_t begin = bound(part.number - 1);
  const std::uint64_t end = part.number == part.of ? all + 1 : bound(part.number);
  Share share;
  std::set<std::size_t> loads;
  std::uint64_t before = 0;
  for (std::size_t u = 0; u < traffic.size(); ++u) {
    const std::uint64_t bytes = traffic[u].read + traffic[u].written;
    const std::uint64_t middle = before + bytes / 2;
    before += bytes;
    const bool is_in = middle >= begin && middle < end;
    share.units.push_back(is_in);
    if (!is_in) continue;
    share.bytes_written += traffic[u].written;
    loads.insert(plan.units[u].loads.begin(), plan.units[u].loads.end());
  }
  for (const std::size_t load : loads) share.bytes_read += plan.loads[load].bytes;
  return share;
}

}  // namespace rulec
