// SPDX-License-Identifier: Apache-2.0
// Axes of one rule that no shape can tell apart: a missing transpose would keep every shape.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "engine/check/check.h"

namespace rulec {

/// Pairs of axes that are equal in every model that has their rule.
class SquareAxes {
 public:
  /// A model in all its layouts; their rules are the same. Borrowed for the call.
  void add(std::span<const Pack* const> layouts, UsedPermissions& used);

  /// Reports each pair that no permission and no value test settles: R0312. A test does if its sizes tell the axes
  /// apart and it names a tensor of the rule. `where`: `in every preset`.
  void report(const Rules& rules, std::string_view where, Diagnostics& diags) const;

 private:
  using Pair = std::tuple<Span, std::string, std::string>;  // the rule, two axes
  struct Equal {
    std::int64_t size = 0;
    std::array<Span, 2> places;     // where each axis was first written
    std::set<std::string> tensors;  // that the rule names, of both sides
  };
  static std::map<Pair, Equal> pairs_of(const Pack& pack, UsedPermissions& used);

  std::map<Pair, Equal> pairs_;
  std::set<Span> known_rules_;  // of the models so far
};

}  // namespace rulec
