// SPDX-License-Identifier: Apache-2.0
// What a tensor may differ by that has been on the other side and came back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/check/tensor_trip.h"

#include <rulec/diagnostics.h>
#include <rulec/tensor.h>

namespace rulec {

struct Allowance {
  TensorTrip trip;
  std::string rule;  ///< `gemma2.rules:31`

  bool allows(std::uint64_t a, std::uint64_t b) const { return trip.allows(a, b); }
};

/// Those of one side of a pack, found when they are asked for. Borrows the pack.
class Allowances {
 public:
  /// Without any: every difference counts.
  Allowances() = default;
  /// `diags` has the texts of the pack, and lives as long. `between`: the type on the other side, if it was asked for.
  Allowances(const Pack& pack, SideId side, std::optional<DType> between, const Diagnostics& diags);

  /// Null: no rule names the tensor.
  std::shared_ptr<const Allowance> find(const TensorInfo& info);

 private:
  const Diagnostics* diags_ = nullptr;
  const Pack* pack_ = nullptr;
  SideId side_{};
  std::optional<DType> between_;
  std::unique_ptr<TensorTrips> trips_;
};

}  // namespace rulec
