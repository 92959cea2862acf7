// SPDX-License-Identifier: Apache-2.0
// What a whole tensor may lose on its way to the other side and back: the classes of its pieces taken together.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/check/round_trip_cache.h"
#include "engine/pack/pack.h"
#include "engine/scalar/pipeline.h"

namespace rulec {

/// A trip of numbers that lie on side `start` as `dtype`, to the other side, where `between` is asked for, and back.
struct TripOf {
  SideId start{};
  DType dtype = DType::F32;
  std::optional<DType> between{};

  auto operator<=>(const TripOf&) const = default;
};

struct TensorTrip {
  /// Pieces that move cells through the same hooks.
  struct Part {
    const Numbers* numbers = nullptr;  ///< of the pack
    RoundTrip trip;
  };

  TripOf of;
  RoundTrip trip;          ///< what holds for all pieces; exact for a tensor of pads
  std::size_t family = 0;  ///< whose rule is the least faithful
  std::vector<Part> parts;

  /// Whether the numbers are moved only, in their own type, so that every bit comes back.
  bool moves_only() const;

  /// Whether two numbers (bits of `of.dtype`) may stand for each other: equal; no more ulps apart than every
  /// part loses, where these are few and were proved for one of the two; or one just what the trip makes of the other.
  /// Which part a number is of is not known here.
  bool allows(std::uint64_t start, std::uint64_t end) const;

  /// `stable (<= 1 ulp)`.
  std::string describe() const;
};

/// The trips of a pack's tensors. Borrows the pack; packs of several layouts share a cache.
class TensorTrips {
 public:
  explicit TensorTrips(const Pack& pack, std::shared_ptr<RoundTripCache> cache = std::make_shared<RoundTripCache>());

  /// The trip of what lies in tensor `tensor` of `side`. It starts on either side: for a tensor that was converted,
  /// where its source is.
  TensorTrip find(SideId side, std::size_t tensor, const TripOf& of);

 private:
  using Part = std::pair<std::size_t, std::size_t>;  // numbers, family
  const RoundTrip& tried(std::size_t numbers, const TripOf& of);

  const Pack& pack_;
  // By side and tensor.
  std::array<std::vector<std::set<Part>>, 2> parts_;
  std::array<std::vector<bool>, 2> comes_back_;   // a rule that holds both ways names it
  std::array<std::vector<bool>, 2> overwritten_;  // a rule that is not read back fills cells of it
  std::shared_ptr<RoundTripCache> cache_;
  std::map<std::tuple<std::size_t, TripOf>, RoundTrip> trips_;
};

}  // namespace rulec
