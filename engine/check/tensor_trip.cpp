// SPDX-License-Identifier: Apache-2.0
#include "engine/check/tensor_trip.h"

#include <algorithm>
#include <cstring>

#include "engine/check/check.h"
#include "engine/scalar/trial_numbers.h"

namespace rulec {
namespace {

/// A class of so many ulps says something about every number. Where a sum loses the digits of small numbers the class
/// counts thousands, which would excuse anything in large ones: there, a number must be just what the trip makes of the
/// other.
constexpr std::uint64_t FewUlps = 8;

/// Samples of a wide type do not show the last ulp that may be lost.
std::uint64_t tolerance(const RoundTrip& trip) {
  return trip.all_values ? trip.worst_ulp : 2 * trip.worst_ulp;
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
  return std::ranges::all_of(numbers, [](const Numbers* n) {
    return std::ranges::all_of(n->towards, [](const auto& pipeline) { return pipeline && pipeline->empty(); });
  });
}

bool TensorTrip::allows(std::uint64_t start, std::uint64_t end) const {
  if (start == end) return true;
  if (moves_only() || trip.fidelity == Fidelity::OneWay) return false;
  if (tolerance(trip) <= FewUlps && distance(number_bits(of.dtype), start, end) <= tolerance(trip)) return true;
  return std::ranges::any_of(
      numbers, [&](const Numbers* n) { return returned(*n, of, start) == end || returned(*n, of, end) == start; });
}

std::string TensorTrip::describe() const {
  return rulec::describe(trip);
}

TensorTrips::TensorTrips(const Pack& pack) : pack_(pack) {
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
    if (there && back) place->second = try_round_trip(*there, back, of.dtype, of.between);
  }
  return place->second;
}

TensorTrip TensorTrips::find(SideId side, std::size_t tensor, const TripOf& of) {
  TensorTrip result{of, {}, pack_.tensors[number(side)][tensor].family};
  result.trip.all_values = true;
  for (const auto& [numbers, family] : parts_[number(side)][tensor]) {
    result.numbers.push_back(&pack_.numbers[numbers]);
    const RoundTrip& trip = tried(numbers, of);
    const auto worse =
        std::tuple(trip.fidelity, trip.worst_ulp) > std::tuple(result.trip.fidelity, result.trip.worst_ulp);
    if (!worse) continue;
    result.trip = trip;
    result.family = family;
  }
  if (!comes_back_[number(side)][tensor] || overwritten_[number(side)][tensor]) result.trip.fidelity = Fidelity::OneWay;
  return result;
}

}  // namespace rulec
