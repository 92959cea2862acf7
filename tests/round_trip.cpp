// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "engine/scalar/op.h"
#include "engine/scalar/trial_numbers.h"
#include "tests/calls.h"

namespace rulec::round_trip_test {

TEST_CASE("what comes back of all bfloat16 numbers between 2^-24 and 8") {
  struct Case {
    Call there;
    DType away;
    double percent;
    double stable_percent;  // of which a second trip there gives what the first one gave
  };
  const auto times = [](double factor) { return call(ops::Mul, {f32(factor)}); };
  std::vector<std::uint16_t> start;
  for (std::uint16_t code = (127 - 24) << 7; code <= 130 << 7; ++code) {
    start.push_back(code);
    start.push_back(code | 0x8000);
  }
  REQUIRE(start.size() == 6914);
  const auto percent = [](const std::vector<std::uint16_t>& a, const std::vector<std::uint16_t>& b) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < a.size(); ++i) same += a[i] == b[i];
    return 100.0 * static_cast<double>(same) / static_cast<double>(a.size());
  };
  for (const Case& c : std::vector<Case>{{times(16), Bf16, 100, 100},
                                         {times(48), Bf16, 83.6, 100},
                                         {times(std::sqrt(3584)), Bf16, 93.8, 100},
                                         {times(std::sqrt(3584)), F32, 100, 100},
                                         {times(std::sqrt(128)), Bf16, 82.8, 100},
                                         {call(ops::Add, {number(1)}), Bf16, 15.0, 100},
                                         {call(ops::Exp), Bf16, 16.5, 100}}) {
    CAPTURE(to_string({c.there}));
    const Pipeline there{c.there};
    const Pipeline back = *inverse(there);
    std::vector<std::uint16_t> returned;
    std::vector<std::uint16_t> away;
    if (c.away == Bf16) {
      away = in_bf16(there, start);
      returned = in_bf16(back, away);
    } else {
      returned = applied<std::uint16_t>(back, {F32, F32, Bf16}, applied<float>(there, {Bf16, F32, F32}, start));
    }
    CHECK(percent(start, returned) == doctest::Approx(c.percent).epsilon(0.003));
    if (c.away == Bf16) CHECK(percent(away, in_bf16(there, returned)) == c.stable_percent);
  }
  // By the reciprocal, some numbers need a second trip to settle.
  const Pipeline there{times(std::sqrt(5376))};
  const std::vector<std::uint16_t> away = in_bf16(there, start);
  const std::vector<std::uint16_t> returned = in_bf16({times(1 / std::sqrt(5376))}, away);
  CHECK(percent(away, in_bf16(there, returned)) == doctest::Approx(99.2).epsilon(0.001));
}

TEST_CASE("a round trip names what is lost, what drifts and where all is well") {
  const Pipeline plus{call(ops::Add, {number(1)})};
  const Pipeline minus{call(ops::Sub, {number(1)})};

  SUBCASE("nothing happens") {
    for (const DType dtype : {Bf16, F64, DType::F4, DType::C64, DType::F6E2M3}) {
      const RoundTrip trip = try_round_trip({}, Pipeline{}, dtype, {});
      CHECK(trip.fidelity == Fidelity::Exact);
      CHECK(trip.evidence == Evidence::Untouched);
    }
  }
  SUBCASE("half precision by way of bfloat16") {
    const RoundTrip trip = try_round_trip({}, Pipeline{}, F16, Bf16);
    CHECK(trip.evidence == Evidence::AllValues);
    CHECK(trip.share == doctest::Approx(0.137).epsilon(0.002));
    CHECK(trip.worst_ulp == 4);
  }
  SUBCASE("norms stored as bfloat16") {
    const RoundTrip trip = try_round_trip(plus, minus, Bf16, {});
    CHECK(trip.fidelity == Fidelity::Stable);
    CHECK(trip.lost == 0x1p-16);
    CHECK(trip.lost_as == 0);
    CHECK(!trip.drifts);
    CHECK(trip.worst_ulp == 0x3B80);  // 2^-8 becomes 0
    CHECK(trip.holds_for_all());
  }
  SUBCASE("norms stored as float32, as MaxText does") {
    const RoundTrip trip = try_round_trip({cast(F32), plus.front()}, minus, Bf16, Bf16);
    CHECK(trip.weights_share == 1);
    CHECK(!trip.lost);
    CHECK(trip.worst_ulp == 0);
    CHECK(trip.from == 0x1p-16);
    CHECK(trip.to == std::numeric_limits<double>::infinity());
    CHECK(trip.ulp_beyond == 0x3380);
    CHECK(!trip.breaks_beyond);
    // Norms that arrive in bfloat16 come back as float32: the same numbers or not.
    const RoundTrip reversed = try_round_trip(minus, Pipeline{cast(F32), plus.front()}, Bf16, {});
    CHECK(reversed.fidelity == Fidelity::Stable);
    CHECK(reversed.weights_share == doctest::Approx(0.214).epsilon(0.005));
  }
  SUBCASE("a power of two overflows at the end") {
    const RoundTrip trip =
        try_round_trip({call(ops::Mul, {number(16)})}, Pipeline{call(ops::Div, {number(16)})}, Bf16, {});
    CHECK(trip.share == doctest::Approx(0.984).epsilon(0.001));
    CHECK(trip.worst_ulp == 0);
    CHECK(trip.from == 0);
    CHECK(trip.to == 0x1.FEp127 / 16);
    CHECK(trip.ulp_beyond == 0);
    CHECK(trip.breaks_beyond);
  }
  SUBCASE("a reverse that is none") {
    const RoundTrip trip =
        try_round_trip({call(ops::Mul, {number(3)})}, Pipeline{call(ops::Mul, {number(0.5)})}, Bf16, {});
    CHECK(trip.fidelity == Fidelity::Drifts);
    CHECK(trip.drifts.has_value());
    CHECK(trip.weights_share < 0.01);
  }
  SUBCASE("each factor comes back, both together less often") {
    const Call three = call(ops::Mul, {number(3)});
    const Call five = call(ops::Mul, {number(5)});
    const auto share = [](const Pipeline& there) {
      return try_round_trip(there, inverse(there), Bf16, {}).weights_share;
    };
    CHECK(share({three, five}) != share({three}) * share({five}));
  }
  SUBCASE("integers") {
    const RoundTrip to_floats = try_round_trip({cast(Bf16)}, Pipeline{cast(I32)}, I32, {});
    CHECK(to_floats.fidelity == Fidelity::Stable);
    CHECK(to_floats.evidence == Evidence::Samples);
    CHECK(to_floats.worst_ulp == 0);
    CHECK(to_floats.to == 255);  // -257 is no bfloat16
    CHECK(try_round_trip({cast(F32)}, Pipeline{cast(DType::I16)}, DType::I16, {}).fidelity == Fidelity::Exact);
  }
  SUBCASE("a factor loses one ulp of weights, more of the smallest numbers, and the largest altogether") {
    const RoundTrip trip = try_round_trip({call(ops::Mul, {f32(12)})}, Pipeline{call(ops::Div, {f32(12)})}, Bf16, {});
    CHECK(trip.fidelity == Fidelity::Stable);
    CHECK(trip.worst_ulp == 1);
    CHECK(trip.from == 0);
    CHECK(trip.to < 0x1.FEp127 / 11);
    CHECK(trip.breaks_beyond);
    const RoundTrip down =
        try_round_trip({call(ops::Mul, {f32(0x1p-10)})}, Pipeline{call(ops::Div, {f32(0x1p-10)})}, Bf16, {});
    CHECK(down.worst_ulp == 0);
    CHECK(down.from > 0x1p-126);
    CHECK(down.from <= 0x1p-116);
    CHECK(down.to == std::numeric_limits<double>::infinity());
    CHECK(down.ulp_beyond > 100);
  }
  SUBCASE("what is not finite is no matter of ulps") {
    const RoundTrip trip = try_round_trip({call(ops::Log)}, Pipeline{call(ops::Exp)}, Bf16, {});
    CHECK(trip.worst_ulp == RoundTrip::NotFinite);
    CHECK(trip.weights_share < 0.5);
  }
  SUBCASE("no way back") {
    CHECK(try_round_trip(plus, std::nullopt, Bf16, {}).fidelity == Fidelity::OneWay);
    CHECK(try_round_trip(plus, minus, DType::C64, {}).fidelity == Fidelity::OneWay);
    CHECK(try_round_trip({cast(Bf16)}, Pipeline{}, DType::F4, {}).fidelity == Fidelity::OneWay);
  }
}

TEST_CASE("what a class says of a range is so for every number in it") {
  const auto by = [](const OpDef& op, double x) { return Pipeline{call(op, {f32(x)})}; };
  const std::vector<std::pair<Pipeline, Pipeline>> trips{
      {by(ops::Mul, 12), by(ops::Mul, 1 / 12.0)},
      {by(ops::Mul, 4), by(ops::Div, 4)},
      {by(ops::Mul, 0x1p-100), by(ops::Mul, 0x1p100)},
      {by(ops::Mul, std::sqrt(5376)), by(ops::Mul, 1 / std::sqrt(5376))},
      {by(ops::Add, 1), by(ops::Sub, 1)},
      {{call(ops::Exp)}, {call(ops::Log)}},
      {{call(ops::Neg)}, {call(ops::Neg)}},
      {by(ops::Sub, 1), {cast(F32), call(ops::Add, {number(1)})}},
  };
  const NumberBits type = number_bits(Bf16);
  for (const auto& [there, back] : trips) {
    CAPTURE(to_string(there));
    const RoundTrip trip = try_round_trip(there, back, Bf16, {});
    const TrialNumbers trial = trial_numbers(Bf16);
    const std::vector<std::uint16_t> start(trial.bits.begin(), trial.bits.end());
    const Types home = types_of(back, Bf16, Bf16);
    const auto go = [&](const std::vector<std::uint16_t>& numbers) {
      const std::vector<std::uint16_t> away = in_bf16(there, numbers);
      if (home.stored == Bf16) return applied<std::uint16_t>(back, home, away);
      return applied<std::uint16_t>({}, {F32, F32, Bf16}, applied<float>(back, home, away));
    };
    const std::vector<std::uint16_t> once = go(start);
    std::uint64_t worst = 0;
    std::uint64_t beyond = 0;
    bool breaks = false;
    for (std::size_t i = 0; i < start.size(); ++i) {
      const double x = std::abs(number_of(Bf16, start[i]));
      const bool finite = std::isfinite(number_of(Bf16, once[i]));
      const std::uint64_t ulp = finite ? distance(type, start[i], once[i]) : RoundTrip::NotFinite;
      if (x == 0 || (x >= trip.from && x <= trip.to)) {
        worst = std::max(worst, ulp);
      } else if (finite) {
        beyond = std::max(beyond, ulp);
      } else {
        breaks = true;
      }
    }
    CHECK(worst <= trip.worst_ulp);
    CHECK(beyond <= trip.ulp_beyond);
    CHECK(breaks == trip.breaks_beyond);
    CHECK(trip.from <= 0x1p-16);
    CHECK(trip.to >= 8);
  }
}

TEST_CASE("trial numbers are all there are, in order") {
  for (const DType dtype :
       {Bf16, F16, DType::F8E4M3, DType::F8E5M2Fnuz, DType::F8E8M0, DType::I8, DType::U16, DType::Bool}) {
    CAPTURE(rule_name(dtype));
    const TrialNumbers trial = trial_numbers(dtype);
    std::set<double> numbers;
    for (const std::uint64_t code : trial.bits) numbers.insert(number_of(dtype, code));
    std::set<double> all;
    for (std::uint64_t code = 0; code < (bits(dtype) == 8 ? 256U : 65536U); ++code) {
      if (const double number = number_of(dtype, code); std::isfinite(number)) all.insert(number);
    }
    CHECK(numbers == all);
    CHECK(trial.is_complete);
  }
  CHECK(trial_numbers(Bf16).bits.size() == 65280);
  for (const DType dtype : {F32, F64, I32, DType::U64}) {
    const TrialNumbers trial = trial_numbers(dtype);
    CAPTURE(rule_name(dtype));
    for (std::size_t i = 1; i < trial.magnitudes(); ++i) REQUIRE(trial.magnitude(i - 1) <= trial.magnitude(i));
    CHECK(trial.bits.size() < 150000);
  }
}

}  // namespace rulec::round_trip_test
