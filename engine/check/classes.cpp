// SPDX-License-Identifier: Apache-2.0
// Classes in words. What is printed was tried: for which numbers it holds stands beside it, rounded so that the words
// never claim more than the numbers do.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "engine/check/check.h"
#include "engine/scalar/op.h"

namespace rulec {
namespace {

/// Two digits, or a power of two; never below `value` if `up`, never above it if not.
std::string rounded_text(double value, bool up) {
  int exponent = 0;
  if (std::frexp(value, &exponent) == 0.5 && std::abs(exponent - 1) > 3) return fmt::format("2^{}", exponent - 1);
  std::string text = fmt::format("{:.2g}", value);
  const double step = std::pow(10, std::floor(std::log10(value)) - 1);
  if (up && std::strtod(text.c_str(), nullptr) < value) text = fmt::format("{:.2g}", value + step);
  if (!up && std::strtod(text.c_str(), nullptr) > value) text = fmt::format("{:.2g}", value - step);
  return text;
}

/// `|x| >= 2^-16`
std::string range_text(const RoundTrip& trip) {
  if (trip.to == std::numeric_limits<double>::infinity())
    return fmt::format("|x| >= {}", rounded_text(trip.from, true));
  const std::string to = rounded_text(trip.to, false);
  return trip.from == 0 ? fmt::format("|x| <= {}", to)
                        : fmt::format("{} <= |x| <= {}", rounded_text(trip.from, true), to);
}

/// What becomes of the numbers outside of the range.
std::string beyond_text(const RoundTrip& trip) {
  if (trip.ulp_beyond == 0) return "else not finite";
  return fmt::format("else <= {} ulp{}", trip.ulp_beyond, trip.breaks_beyond ? " or not finite" : "");
}

}  // namespace

std::string percent(double share) {
  return fmt::format("{:.1f} %", std::floor(1000 * share) / 10);
}

std::string describe(const RoundTrip& trip) {
  const std::string range = trip.holds_for_all() ? "" : " for " + range_text(trip);
  const std::string beyond = trip.holds_for_all() ? "" : ", " + beyond_text(trip);
  const std::string samples = trip.evidence == Evidence::Samples ? ", by samples" : "";
  const std::string ulp =
      trip.worst_ulp == RoundTrip::NotFinite ? "some not finite" : fmt::format("<= {} ulp", trip.worst_ulp);
  switch (trip.fidelity) {
    case Fidelity::Exact:
      return "exact" + samples;
    case Fidelity::OneWay:
      return "one-way";
    case Fidelity::Stable:
      if (trip.worst_ulp == 0) return fmt::format("exact{}{}{}", range, beyond, samples);
      return fmt::format("stable ({}){}{}{}", ulp, range, beyond, samples);
    case Fidelity::Drifts:
      return fmt::format("drifts ({} a pass; {} of the weights come back){}{}{}", ulp, percent(trip.weights_share),
                         range, beyond, samples);
  }
  return {};
}

DType trial_type(const Numbers& numbers, SideId start_side) {
  const auto& there = numbers.towards[number(other(start_side))];
  const auto& back = numbers.towards[number(start_side)];
  const auto works = [](const Pipeline& pipeline, const Types& types) {
    Diagnostics unheard;
    return static_cast<bool>(check_types(pipeline, types, {}, "", unheard));
  };
  for (const DType dtype : {DType::Bf16, DType::I32, DType::U8}) {
    if (!there || !back) break;
    const Types away = types_of(*there, dtype, std::nullopt);
    if (works(*there, away) && works(*back, types_of(*back, away.stored, dtype))) return dtype;
  }
  return DType::Bf16;
}

RoundTrip round_trip(const Numbers& numbers, SideId start_side, DType start, RoundTripCache& cache) {
  const auto& there = numbers.towards[number(other(start_side))];
  const auto& back = numbers.towards[number(start_side)];
  if (!there || !back) return {.fidelity = Fidelity::OneWay};
  if (there->empty() && back->empty()) return {.evidence = Evidence::Untouched};
  return cache.find(*there, back, start);
}

}  // namespace rulec
