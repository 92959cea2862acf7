// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/allowances.h"

#include <fmt/format.h>

#include <utility>

namespace rulec {
namespace {

std::string place_of(Span span, const Diagnostics& diags) {
  const Source& source = diags.sources()[span.source];
  return fmt::format("{}:{}", source.name(), source.position(span.begin).line);
}

}  // namespace

Allowances::Allowances(const Pack& pack, SideId side, std::optional<DType> between, const Diagnostics& diags)
    : diags_(&diags), pack_(&pack), side_(side), between_(between), trips_(std::make_unique<TensorTrips>(pack)) {}

std::shared_ptr<const Allowance> Allowances::find(const TensorInfo& info) {
  if (pack_ == nullptr) return nullptr;
  const auto index = pack_->find(side_, info.name);
  if (!index) return nullptr;
  TensorTrip trip = trips_->find(side_, *index, {side_, info.dtype, between_});
  std::string rule = place_of(pack_->families[trip.family].span, *diags_);
  return std::make_shared<const Allowance>(Allowance{std::move(trip), std::move(rule)});
}

}  // namespace rulec
