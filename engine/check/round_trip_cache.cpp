// SPDX-License-Identifier: Apache-2.0
#include "engine/check/round_trip_cache.h"

#include <utility>

namespace rulec {

const RoundTrip& RoundTripCache::find(const Pipeline& there, const std::optional<Pipeline>& back, DType start,
                                      std::optional<DType> between) {
  // Printed, so that operations of one name are one; constants are printed with all digits that tell them apart.
  Key key{to_string(there), back ? std::optional(to_string(*back)) : std::nullopt, start, between};
  const auto known = trips_.find(key);
  if (known != trips_.end()) return known->second;
  return trips_.emplace(std::move(key), try_round_trip(there, back, start, between)).first->second;
}

}  // namespace rulec
