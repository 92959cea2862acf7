// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "engine/scalar/pipeline.h"

namespace rulec {

/// Round trips of the pipelines seen so far: presets and layouts have the same ones, and trying one is tens of
/// thousands of numbers there and back.
class RoundTripCache {
 public:
  /// `between` is the type asked for on the other side. The result lives as long as the cache.
  const RoundTrip& find(const Pipeline& there, const std::optional<Pipeline>& back, DType start,
                        std::optional<DType> between = std::nullopt);

 private:
  using Key = std::tuple<std::string, std::optional<std::string>, DType, std::optional<DType>>;
  std::map<Key, RoundTrip> trips_;
};

}  // namespace rulec
