// SPDX-License-Identifier: Apache-2.0
#include "engine/run/schedule.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace rulec {
namespace {

/// Sets of sources that some target joins, by the number of one of them (union-find with halved paths).
class SourceSets {
 public:
  explicit SourceSets(std::size_t count) : parents_(count) {
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
  }

  std::size_t find(std::size_t source) {
    while (parents_[source] != source) source = parents_[source] = parents_[parents_[source]];
    return source;
  }

  void join(std::size_t a, std::size_t b) { parents_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parents_;
};

}  // namespace

std::vector<Visit> visits_of(const TargetTensor& target) {
  std::map<std::size_t, Visit> visits;
  for (std::size_t c = 0; c < target.copies.size(); ++c) {
    const CopyPiece& copy = target.copies[c];
    Visit& visit = visits[copy.source];
    visit.source = copy.source;
    visit.copies.push_back(c);
    for (const CopyOperand& operand : copy.operands) {
      if (std::ranges::find(visit.operands, operand.source) == visit.operands.end()) {
        visit.operands.push_back(operand.source);
      }
    }
  }
  std::vector<Visit> result;
  for (auto& [source, visit] : visits) result.push_back(std::move(visit));
  return result;
}

std::vector<std::size_t> target_order(std::span<const TargetTensor> targets, std::size_t source_count) {
  SourceSets sets(source_count);
  for (const TargetTensor& target : targets) {
    for (const CopyPiece& copy : target.copies) {
      sets.join(copy.source, target.copies.front().source);
      for (const CopyOperand& operand : copy.operands) sets.join(operand.source, copy.source);
    }
  }
  std::map<std::size_t, std::size_t> first_target;  // of a set
  std::vector<std::size_t> place(targets.size());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    place[t] = t;
    if (targets[t].copies.empty()) continue;
    place[t] = first_target.try_emplace(sets.find(targets[t].copies.front().source), t).first->second;
  }
  std::vector<std::size_t> order(targets.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t t) { return place[t]; });
  return order;
}

}  // namespace rulec
