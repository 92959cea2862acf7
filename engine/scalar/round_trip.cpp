// SPDX-License-Identifier: Apache-2.0
// A pipeline is one function of one number, and a 16-bit type has 65,536 of them: what a trip there and back loses is
// found out by trying, not by reasoning about the calls.
#include <algorithm>
#include <cstring>
#include <limits>

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

/// A number of the weights' range that does not come back.
struct Loss {
  std::size_t index;       // of TrialNumbers::bits
  std::uint64_t returned;  // bits of the type that the way back makes
  std::uint64_t reduced;   // the same, made a number of the first type
};

/// What became of the numbers tried.
struct Outcome {
  TrialNumbers start;
  DType end = DType::F32;             // what the way back makes; the start's type unless a cast fixes another
  std::vector<std::uint8_t> is_lost;  // for each number
  std::size_t weights = 0;            // how many numbers lie in the weights' range
  std::vector<Loss> losses;
};

/// By the thousand, so that all of it stays in the cache.
Outcome travel(const Trip& trip) {
  constexpr std::size_t Batch = 4096;
  const DType dtype = trip.there_types.arrives;
  Outcome outcome{trial_numbers(dtype), trip.back_types.stored, {}, 0, {}};
  const TrialNumbers& start = outcome.start;
  const NumberBits start_bits = number_bits(dtype);
  const NumberBits end_bits = number_bits(outcome.end);
  const std::size_t from = start.lower_bound(WeightsFrom) * start.per_magnitude;
  const std::size_t to = start.upper_bound(WeightsTo) * start.per_magnitude;
  const std::size_t zeros = start.magnitude(0) == 0 ? start.per_magnitude : 0;
  outcome.weights = std::min(from, zeros) + to - from;
  outcome.is_lost.resize(start.bits.size());
  for (std::size_t first = 0; first < start.bits.size(); first += Batch) {
    const Bits numbers = Bits(start.bits).subspan(first, std::min(Batch, start.bits.size() - first));
    const Numbers returned = trip.run(numbers);
    // In another type the same number must stand there, and stand for no other number of the first type.
    const Numbers wanted = converted(numbers, dtype, outcome.end);
    const Numbers reduced = converted(returned, outcome.end, dtype);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (is_same(end_bits, wanted[i], returned[i]) && is_same(start_bits, numbers[i], reduced[i])) continue;
      const std::size_t index = first + i;
      outcome.is_lost[index] = 1;
      if (index < zeros || (index >= from && index < to)) outcome.losses.push_back({index, returned[i], reduced[i]});
    }
  }
  return outcome;
}

void count_losses(const Outcome& outcome, RoundTrip& result) {
  const TrialNumbers& start = outcome.start;
  const auto lost = static_cast<double>(std::ranges::count(outcome.is_lost, 1));
  if (lost > 0) result.fidelity = Fidelity::Stable;
  result.share = 1 - lost / static_cast<double>(start.bits.size());
  if (outcome.losses.empty()) return;
  result.weights_share = 1 - static_cast<double>(outcome.losses.size()) / static_cast<double>(outcome.weights);

  const NumberBits start_bits = number_bits(start.dtype);
  for (const Loss& loss : outcome.losses) {
    const std::uint64_t ulp = distance(start_bits, start.bits[loss.index], loss.reduced);
    result.worst_ulp = std::max({result.worst_ulp, ulp, std::uint64_t{1}});
  }
  // Losses ascend in magnitude; anything is a better witness than zero.
  const auto witness =
      std::ranges::find_if(outcome.losses, [&](const Loss& loss) { return loss.index >= start.per_magnitude; });
  const Loss& simplest = witness == outcome.losses.end() ? outcome.losses.front() : *witness;
  result.lost = number_of(start.dtype, start.bits[simplest.index]);
  result.lost_as = number_of(outcome.end, simplest.returned);
}

/// Sends what came back differently on a second trip.
void look_for_drift(const Outcome& outcome, const Trip& second, RoundTrip& result) {
  Numbers once;
  for (const Loss& loss : outcome.losses) once.push_back(loss.returned);
  const Numbers twice = second.run(once);
  const NumberBits end_bits = number_bits(outcome.end);
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (is_same(end_bits, once[i], twice[i])) continue;
    result.fidelity = Fidelity::Drifts;
    result.drifts = number_of(outcome.start.dtype, outcome.start.bits[outcome.losses[i].index]);
    return;
  }
}

void find_exact_range(const Outcome& outcome, RoundTrip& result) {
  const TrialNumbers& start = outcome.start;
  const auto comes_back = [&](std::size_t magnitude) {
    for (std::size_t i = 0; i < start.per_magnitude; ++i) {
      if (outcome.is_lost[magnitude * start.per_magnitude + i]) return false;
    }
    return true;
  };
  if (!comes_back(0)) return;
  const std::size_t one = start.lower_bound(1);
  std::size_t best_from = 0;
  std::size_t best_to = 0;  // half open
  for (std::size_t from = 0; from < start.magnitudes();) {
    std::size_t to = from;
    while (to < start.magnitudes() && comes_back(to)) ++to;
    const bool holds_one = from <= one && one < to;
    if (holds_one || to - from > best_to - best_from) {
      best_from = from;
      best_to = to;
    }
    if (holds_one) break;
    from = to + 1;
  }
  if (best_to <= 1) return;  // zero alone
  result.exact_from = best_from == 0 ? 0 : start.magnitude(best_from);
  result.exact_to =
      best_to == start.magnitudes() ? std::numeric_limits<double>::infinity() : start.magnitude(best_to - 1);
}

}  // namespace

RoundTrip try_round_trip(const Pipeline& there, const std::optional<Pipeline>& back, DType start,
                         std::optional<DType> requested_there) {
  RoundTrip one_way{.fidelity = Fidelity::OneWay, .share = 0, .weights_share = 0};
  if (!back) return one_way;
  const Trip first(there, *back, start, requested_there);
  if (!first.is_possible()) return one_way;
  if (first.changes_nothing()) {
    return {.all_values = true, .exact_from = 0, .exact_to = std::numeric_limits<double>::infinity()};
  }
  const DType end = first.back_types.stored;
  const Trip second(there, *back, end, requested_there);
  if (!is_writable(start) || !second.is_possible() || second.back_types.stored != end) return one_way;

  const Outcome outcome = travel(first);
  RoundTrip result{.all_values = outcome.start.is_complete};
  count_losses(outcome, result);
  find_exact_range(outcome, result);
  if (!outcome.losses.empty()) look_for_drift(outcome, second, result);
  return result;
}

}  // namespace rulec
