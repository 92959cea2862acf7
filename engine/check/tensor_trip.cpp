// SPDX-License-Identifier: Apache-2.0
#include "engine/check/tensor_trip.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "engine/check/check.h"
#include "engine/scalar/trial_numbers.h"
#include "engine/tensor/numbers.h"

namespace rulec {
namespace {

/// A class of so many ulps says something about every number. Where a sum loses the digits of small numbers the class
/// counts thousands, which would excuse anything in large ones: there, a number must be just what the trip makes of the
/// other.
constexpr std::uint64_t FewUlps = 8;

/// Whether the class was proved for this number: all were tried, and it lies where the class holds.
bool is_proved(const RoundTrip& trip, DType dtype, std::uint64_t number) {
  const double magnitude = std::abs(number_of(dtype, number));
  const bool in_range = magnitude == 0 || (magnitude >= trip.from && magnitude <= trip.to && std::isfinite(magnitude));
  return trip.evidence == Evidence::AllValues && in_range;
}

bool is_worse(const RoundTrip& a, const RoundTrip& b) {
  return std::tuple(a.fidelity, a.worst_ulp) > std::tuple(b.fidelity, b.worst_ulp);
}

/// What holds for the numbers of both.
RoundTrip both(const RoundTrip& a, const RoundTrip& b) {
  RoundTrip result = is_worse(a, b) ? a : b;
  result.evidence = std::max(a.evidence, b.evidence);
  result.tried = std::max(a.tried, b.tried);
  result.share = std::min(a.share, b.share);
  result.weights_share = std::min(a.weights_share, b.weights_share);
  result.from = std::max(a.from, b.from);
  result.to = std::min(a.to, b.to);
  for (const RoundTrip* trip : {&a, &b}) {
    result.breaks_beyond |= trip->breaks_beyond || trip->worst_ulp == RoundTrip::NotFinite;
    if (trip->worst_ulp != RoundTrip::NotFinite) result.ulp_beyond = std::max(result.ulp_beyond, trip->worst_ulp);
    result.ulp_beyond = std::max(result.ulp_beyond, trip->ulp_beyond);
  }
  return result;
}

std::uint64_t run(const Pipeline& pipeline, const Types& types, std::uint64_t bits_in) {
  const auto width = [](DType dtype) { return static_cast<std::size_t>(bits(dtype)) / 8; };
  std::uint64_t out = 0;
  apply(pipeline, types, std::as_bytes(std::span(&bits_in, 1)).first(width(types.arrives)), {},
        std::as_writable_bytes(std::span(&out, 1)).first(width(types.stored)));
  return out;
}

/// What a number is after the trip, made one of its own type again.
std::uint64_t returned(const Numbers& numbers, const TripOf& of, std::uint64_t start) {
  const Pipeline& there = *numbers.towards[number(other(of.start))];
  const Pipeline& back = *numbers.towards[number(of.start)];
  const Types out = types_of(there, of.dtype, of.between);
  const Types home = types_of(back, out.stored, of.dtype);
  const std::uint64_t end = run(back, home, run(there, out, start));
  return home.stored == of.dtype ? end : run({}, {home.stored, home.stored, of.dtype}, end);
}

}  // namespace

bool TensorTrip::moves_only() const {
  const bool is_kept = !of.between || *of.between == of.dtype || !is_arithmetic_float(of.dtype);
  return is_kept && std::ranges::all_of(parts, [](const Part& part) {
           return std::ranges::all_of(part.numbers->towards,
                                      [](const auto& pipeline) { return pipeline && pipeline->empty(); });
         });
}

bool TensorTrip::allows(std::uint64_t start, std::uint64_t end) const {
  if (start == end) return true;
  if (moves_only() || trip.fidelity == Fidelity::OneWay) return false;
  const std::uint64_t ulp = distance(number_bits(of.dtype), start, end);
  const bool is_proved_of_all = std::ranges::all_of(parts, [&](const Part& part) {
    return ulp <= std::min(part.trip.worst_ulp, FewUlps) &&
           (is_proved(part.trip, of.dtype, start) || is_proved(part.trip, of.dtype, end));
  });
  return is_proved_of_all || std::ranges::any_of(parts, [&](const Part& part) {
           return returned(*part.numbers, of, start) == end || returned(*part.numbers, of, end) == start;
         });
}

std::string TensorTrip::describe() const {
  return rulec::describe(trip);
}

TensorTrips::TensorTrips(const Pack& pack, std::shared_ptr<RoundTripCache> cache)
    : pack_(pack), cache_(std::move(cache)) {
  for (const SideId side : BothSides) {
    parts_[number(side)].resize(pack.tensors[number(side)].size());
    comes_back_[number(side)].resize(pack.tensors[number(side)].size());
    overwritten_[number(side)].resize(pack.tensors[number(side)].size());
  }
  for (const Piece& piece : pack.pieces) {
    const Family& family = pack.families[piece.family];
    for (const SideId side : BothSides) {
      if (piece.tensor[number(side)] < 0) continue;
      const auto tensor = static_cast<std::size_t>(piece.tensor[number(side)]);
      if (family.arrow == ast::Arrow::Both) {
        comes_back_[number(side)][tensor] = true;
        if (piece.kind == PieceKind::Copy)
          parts_[number(side)][tensor].emplace(pack.forms[piece.form].numbers, piece.family);
      } else if (family.writes(side)) {
        overwritten_[number(side)][tensor] = true;
      }
    }
  }
}

const RoundTrip& TensorTrips::tried(std::size_t numbers, const TripOf& of) {
  const auto [place, is_new] = trips_.try_emplace({numbers, of});
  if (is_new) {
    const auto& there = pack_.numbers[numbers].towards[number(other(of.start))];
    const auto& back = pack_.numbers[numbers].towards[number(of.start)];
    place->second.fidelity = Fidelity::OneWay;
    if (there && back) place->second = cache_->find(*there, back, of.dtype, of.between);
  }
  return place->second;
}

TensorTrip TensorTrips::find(SideId side, std::size_t tensor, const TripOf& of) {
  TensorTrip result{of, {.evidence = Evidence::Untouched}, pack_.tensors[number(side)][tensor].family, {}};
  for (const auto& [numbers, family] : parts_[number(side)][tensor]) {
    const RoundTrip& trip = tried(numbers, of);
    result.parts.push_back({&pack_.numbers[numbers], trip});
    if (is_worse(trip, result.trip)) result.family = family;
    result.trip = both(result.trip, trip);
  }
  if (!comes_back_[number(side)][tensor] || overwritten_[number(side)][tensor]) result.trip.fidelity = Fidelity::OneWay;
  return result;
}

}  // namespace rulec
