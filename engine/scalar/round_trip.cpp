// SPDX-License-Identifier: Apache-2.0
// A pipeline is one function of one number, and a 16-bit type has 65,536 of them: what a trip there and back loses is
// found out by trying, not by reasoning about the calls.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/scalar/op.h"
#include "engine/scalar/trial_numbers.h"
#include "engine/tensor/numbers.h"

namespace rulec {
namespace {

using Numbers = std::vector<std::uint64_t>;  // as bits
using Bits = std::span<const std::uint64_t>;

// Where weights lie, but for zero.
constexpr double WeightsFrom = 0x1p-16;
constexpr double WeightsTo = 8;

/// Calls `visit` with a value of the unsigned type that elements of this size are.
template <class F>
void with_element_type(DType dtype, F visit) {
  switch (bits(dtype)) {
    case 8:
      return visit(std::uint8_t{});
    case 16:
      return visit(std::uint16_t{});
    case 32:
      return visit(std::uint32_t{});
    default:
      return visit(std::uint64_t{});
  }
}

std::vector<std::byte> packed(Bits numbers, DType dtype) {
  std::vector<std::byte> bytes(numbers.size() * static_cast<std::size_t>(bits(dtype)) / 8);
  with_element_type(dtype, [&](auto element) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      element = static_cast<decltype(element)>(numbers[i]);
      std::memcpy(bytes.data() + i * sizeof element, &element, sizeof element);
    }
  });
  return bytes;
}

Numbers unpacked(const std::vector<std::byte>& bytes, DType dtype) {
  Numbers numbers(bytes.size() * 8 / static_cast<std::size_t>(bits(dtype)));
  with_element_type(dtype, [&](auto element) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
      numbers[i] = element;
    }
  });
  return numbers;
}

/// Once there and once back.
struct Trip {
  const Pipeline& there;
  Types there_types;
  const Pipeline& back;
  Types back_types;

  Trip(const Pipeline& to, const Pipeline& fro, DType start, std::optional<DType> requested)
      : there(to),
        there_types(types_of(to, start, requested)),
        back(fro),
        back_types(types_of(fro, there_types.stored, start)) {}

  bool is_possible() const {
    Diagnostics unheard;
    return !takes_tensor(there) && !takes_tensor(back) && check_types(there, there_types, {}, "", unheard) &&
           check_types(back, back_types, {}, "", unheard);
  }

  bool changes_nothing() const {
    return back_types.stored == there_types.arrives && rulec::changes_nothing(there, there_types) &&
           rulec::changes_nothing(back, back_types);
  }

  Numbers run(Bits start) const {
    const std::vector<std::byte> in = packed(start, there_types.arrives);
    std::vector<std::byte> away(start.size() * static_cast<std::size_t>(bits(there_types.stored)) / 8);
    std::vector<std::byte> out(start.size() * static_cast<std::size_t>(bits(back_types.stored)) / 8);
    apply(there, there_types, in, {}, away);
    apply(back, back_types, away, {}, out);
    return unpacked(out, back_types.stored);
  }
};

Numbers converted(Bits numbers, DType from, DType to) {
  if (from == to) return {numbers.begin(), numbers.end()};
  const std::vector<std::byte> in = packed(numbers, from);
  std::vector<std::byte> out(numbers.size() * static_cast<std::size_t>(bits(to)) / 8);
  apply({}, {from, from, to}, in, {}, out);
  return unpacked(out, to);
}

/// A number that does not come back.
struct Loss {
  std::size_t index;       // of TrialNumbers::bits
  std::uint64_t returned;  // bits of the type that the way back makes
  std::uint64_t ulp;       // how far it is away as a number of the first type
  bool drifts = false;     // a second trip changes it again
};

/// What became of the numbers tried.
struct Outcome {
  TrialNumbers start;
  DType end = DType::F32;    // what the way back makes; the start's type unless a cast fixes another
  std::vector<Loss> losses;  // in the order of the numbers

  // Where weights lie: the first numbers, if these are zeros, and from here to there.
  std::size_t zeros = 0;
  std::size_t from = 0;
  std::size_t to = 0;

  bool is_weight(const Loss& loss) const { return loss.index < zeros || (loss.index >= from && loss.index < to); }
};

/// By the thousand, so that all of it stays in the cache.
Outcome travel(const Trip& trip) {
  constexpr std::size_t Batch = 4096;
  const DType dtype = trip.there_types.arrives;
  Outcome outcome{trial_numbers(dtype), trip.back_types.stored, {}};
  const TrialNumbers& start = outcome.start;
  const NumberBits start_bits = number_bits(dtype);
  const NumberBits end_bits = number_bits(outcome.end);
  outcome.from = start.lower_bound(WeightsFrom) * start.per_magnitude;
  outcome.to = start.upper_bound(WeightsTo) * start.per_magnitude;
  outcome.zeros = start.magnitude(0) == 0 ? start.per_magnitude : 0;
  for (std::size_t first = 0; first < start.bits.size(); first += Batch) {
    const Bits numbers = Bits(start.bits).subspan(first, std::min(Batch, start.bits.size() - first));
    const Numbers returned = trip.run(numbers);
    // In another type the same number must stand there, and stand for no other number of the first type.
    const Numbers wanted = converted(numbers, dtype, outcome.end);
    const Numbers reduced = converted(returned, outcome.end, dtype);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (is_same(end_bits, wanted[i], returned[i]) && is_same(start_bits, numbers[i], reduced[i])) continue;
      const bool is_finite =
          std::isfinite(number_of(outcome.end, returned[i])) && std::isfinite(number_of(dtype, reduced[i]));
      const std::uint64_t ulp = std::max(distance(start_bits, numbers[i], reduced[i]), std::uint64_t{1});
      outcome.losses.push_back({first + i, returned[i], is_finite ? ulp : RoundTrip::NotFinite});
    }
  }
  return outcome;
}

/// Sends what came back differently on a second trip.
void look_for_drift(const Trip& second, Outcome& outcome) {
  Numbers once;
  for (const Loss& loss : outcome.losses) once.push_back(loss.returned);
  const Numbers twice = second.run(once);
  const NumberBits end_bits = number_bits(outcome.end);
  for (std::size_t i = 0; i < once.size(); ++i) outcome.losses[i].drifts = !is_same(end_bits, once[i], twice[i]);
}

void judge_weights(const Outcome& outcome, RoundTrip& result) {
  const TrialNumbers& start = outcome.start;
  std::size_t lost = 0;
  const Loss* simplest = nullptr;
  for (const Loss& loss : outcome.losses) {
    if (!outcome.is_weight(loss)) continue;
    ++lost;
    result.worst_ulp = std::max(result.worst_ulp, loss.ulp);
    // Losses ascend in magnitude; anything is a better witness than zero.
    if (simplest == nullptr || simplest->index < start.per_magnitude) simplest = &loss;
    if (!loss.drifts || result.drifts) continue;
    result.fidelity = Fidelity::Drifts;
    result.drifts = number_of(start.dtype, start.bits[loss.index]);
  }
  if (simplest == nullptr) return;
  const std::size_t weights = std::min(outcome.from, outcome.zeros) + outcome.to - outcome.from;
  result.weights_share = 1 - static_cast<double>(lost) / static_cast<double>(weights);
  result.lost = number_of(start.dtype, start.bits[simplest->index]);
  result.lost_as = number_of(outcome.end, simplest->returned);
}

/// As far around the weights as all numbers do what these do; and what the others do.
void find_range(const Outcome& outcome, RoundTrip& result) {
  const TrialNumbers& start = outcome.start;
  const auto keeps = [&](const Loss& loss) {
    return loss.ulp <= result.worst_ulp && (!loss.drifts || result.fidelity == Fidelity::Drifts);
  };
  // Half open: what lies between the breaches next to the weights on both sides.
  std::size_t from = outcome.zeros;
  std::size_t to = start.bits.size();
  for (const Loss& loss : outcome.losses) {
    if (outcome.is_weight(loss) || keeps(loss)) continue;
    const std::size_t magnitude = loss.index / start.per_magnitude;
    if (loss.index < outcome.from) from = (magnitude + 1) * start.per_magnitude;
    if (loss.index >= outcome.to) to = std::min(to, magnitude * start.per_magnitude);
  }
  if (from > outcome.zeros) result.from = start.magnitude(from / start.per_magnitude);
  if (to < start.bits.size()) result.to = start.magnitude(to / start.per_magnitude - 1);
  for (const Loss& loss : outcome.losses) {
    if (outcome.is_weight(loss) || (loss.index >= from && loss.index < to)) continue;
    if (loss.ulp == RoundTrip::NotFinite)
      result.breaks_beyond = true;
    else
      result.ulp_beyond = std::max(result.ulp_beyond, loss.ulp);
  }
}

}  // namespace

RoundTrip try_round_trip(const Pipeline& there, const std::optional<Pipeline>& back, DType start,
                         std::optional<DType> requested_there) {
  RoundTrip one_way{.fidelity = Fidelity::OneWay, .share = 0, .weights_share = 0};
  if (!back) return one_way;
  const Trip first(there, *back, start, requested_there);
  if (!first.is_possible()) return one_way;
  if (first.changes_nothing()) return {.evidence = Evidence::Untouched};
  const DType end = first.back_types.stored;
  const Trip second(there, *back, end, requested_there);
  if (!is_writable(start) || !second.is_possible() || second.back_types.stored != end) return one_way;

  Outcome outcome = travel(first);
  RoundTrip result{.evidence = outcome.start.is_complete ? Evidence::AllValues : Evidence::Samples,
                   .tried = outcome.start.bits.size()};
  if (outcome.losses.empty()) return result;
  look_for_drift(second, outcome);
  result.fidelity = Fidelity::Stable;
  result.share = 1 - static_cast<double>(outcome.losses.size()) / static_cast<double>(result.tried);
  judge_weights(outcome, result);
  find_range(outcome, result);
  return result;
}

}  // namespace rulec
