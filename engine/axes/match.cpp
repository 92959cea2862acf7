// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "engine/axes/pattern.h"

namespace rulec::axes {
namespace {

using Names = std::vector<AxisId>;
using Index = std::map<Names, MonomialRef>;

Names names_of(const Monomial& monomial) {
  Names names;
  for (const AxisStride& axis : monomial.axes) names.push_back(axis.axis);
  return names;
}

using Twice = std::vector<std::pair<MonomialRef, MonomialRef>>;

Index index_of(const std::vector<const Layout*>& side, Twice& twice) {
  Index index;
  for (std::size_t term = 0; term < side.size(); ++term) {
    for (std::size_t m = 0; m < side[term]->monomials.size(); ++m) {
      const Monomial& monomial = side[term]->monomials[m];
      if (monomial.is_pad) continue;
      const auto [place, is_new] = index.try_emplace(names_of(monomial), MonomialRef{term, m});
      if (!is_new) twice.emplace_back(place->second, MonomialRef{term, m});
    }
  }
  return index;
}

}  // namespace

std::vector<Match> match(const std::vector<const Layout*>& left, const std::vector<const Layout*>& right,
                         Mismatch& mismatch) {
  const Index left_index = index_of(left, mismatch.twice[0]);
  Index right_index = index_of(right, mismatch.twice[1]);
  std::vector<Match> matches;
  for (const auto& [names, ref] : left_index) {
    const auto partner = right_index.find(names);
    if (partner == right_index.end()) {
      mismatch.only[0].push_back(ref);
    } else {
      matches.push_back({ref, partner->second});
      right_index.erase(partner);
    }
  }
  for (const auto& [names, ref] : right_index) mismatch.only[1].push_back(ref);
  return matches;
}

}  // namespace rulec::axes
