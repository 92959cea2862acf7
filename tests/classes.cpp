// SPDX-License-Identifier: Apache-2.0
// What is printed of a class is so, and differences are excused by what was proved only.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check/check.h"
#include "engine/check/tensor_trip.h"
#include "engine/scalar/trial_numbers.h"
#include "tests/calls.h"
#include "tests/elaborated.h"

namespace rulec::classes_test {

using testing::elaborate_text;

namespace {

std::string class_of(std::string_view hook, DType dtype, SideId start = SideId::Left) {
  const testing::Elaborated made = elaborate_text("let D = 4\nhook h = " + std::string(hook) +
                                                  "\na : [D] -> b : [D] | h allow undeclared-loss \"a test\"\n");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  RoundTripCache cache;
  return describe(round_trip(made.pack->numbers.front(), start, dtype, cache));
}

std::uint64_t bf16_bits(double x) {
  for (const std::uint64_t code : trial_numbers(Bf16).bits) {
    if (number_of(Bf16, code) == x) return code;
  }
  FAIL("no bfloat16");
  return 0;
}

}  // namespace

TEST_CASE("a class says for which numbers it holds") {
  struct Row {
    std::string_view hook;
    std::string_view words;
    DType dtype = Bf16;
    SideId start = SideId::Left;
  };
  for (const Row& row : std::vector<Row>{
           {"neg", "exact"},
           {"cast(f32)", "exact"},
           {"mul(4)", "exact for |x| <= 8.4e+37, else not finite"},
           {"mul(0.25)", "exact for |x| >= 2^-124, else <= 2 ulp"},
           {"mul(f32(12)) reverse mul(f32(1 / 12))", "stable (<= 1 ulp) for |x| <= 2.8e+37, else not finite"},
           {"sub(1)", "stable (<= 15232 ulp)"},
           {"sub(1) reverse cast(f32) | add(1)", "exact for |x| >= 2^-16, else <= 13184 ulp", Bf16, SideId::Right},
           {"log", "stable (some not finite)"},
           {"mul(f32(12)) reverse mul(f32(1 / 12))",
            "drifts (<= 1 ulp a pass; 67.0 % of the weights come back) for |x| <= 2.8e+37, else not finite, by samples",
            F32},
           {"add(7)", "exact, by samples", I32},
           {"shr(1) reverse mul(2)", "one-way"},
       }) {
    CAPTURE(row.hook);
    CHECK(class_of(row.hook, row.dtype, row.start) == row.words);
  }
}

TEST_CASE("a class says what the cells must hold that come back anew") {
  const testing::Elaborated made = elaborate_text(R"(
let V = 3, W = 4, D = 2
hook scale = mul(f32(3)) reverse mul(f32(1 / 3))
embedding : [(V pad W) D] -> embed : [V D] | scale
embedding : [(V pad W) D] => head : [V D] | scale
ones : [D] -> 1
packed : [D] <= words : [D] | cast(f32)
moved : [D] -> also : [D]
moved : [D] => copy : [D]
)");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  const Pack& pack = *made.pack;
  RoundTripCache cache;
  const auto words = [&](std::size_t family, SideId start) {
    const auto piece = std::ranges::find_if(
        pack.pieces, [&](const Piece& p) { return p.family == family && p.kind != PieceKind::Pad; });
    const RoundTrip trip = piece->kind == PieceKind::Constant
                               ? RoundTrip{}
                               : round_trip(pack.numbers[pack.forms[piece->form].numbers], start, Bf16, cache);
    return describe(trip, quotient(pack, family, start));
  };
  const std::string scaled = words(0, SideId::Right);
  CHECK(scaled.starts_with("stable (<= 1 ulp)"));
  CHECK(words(0, SideId::Left) == describe(round_trip(pack.numbers[0], SideId::Left, Bf16, cache)) + ", up-to-padding");
  CHECK(words(1, SideId::Right) == "up-to-alias");
  CHECK(words(1, SideId::Left) == "one-way");
  CHECK(words(2, SideId::Left) == "up-to-constant");
  // Nothing else makes the words: they do not come back, whatever they hold.
  CHECK(words(3, SideId::Left) == "one-way");
  CHECK(words(3, SideId::Right) == "one-way");
  CHECK(words(4, SideId::Left) == "exact");
  CHECK(words(5, SideId::Right) == "up-to-alias");
}

TEST_CASE("a share is rounded down") {
  CHECK(percent(1) == "100.0 %");
  CHECK(percent(0.99999) == "99.9 %");
  CHECK(percent(0.836) == "83.6 %");
}

TEST_CASE("a difference of few ulps is excused where the class was proved for the number") {
  const testing::Elaborated made = elaborate_text(R"(
let D = 4
hook third = mul(f32(1 / 3))
hook small = mul(f32(1e-6))
a : [D] -> b : [D] | third
c : [D] -> d : [D] | small
e : [(D + F)] -> f : [D], g : [F] | third
let F = 3
)");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  TensorTrips trips(*made.pack);
  const auto trip = [&](SideId side, std::string_view tensor, DType dtype) {
    return trips.find(side, *made.pack->find(side, tensor), {side, dtype, dtype});
  };
  const TensorTrip third = trip(SideId::Left, "a", Bf16);
  REQUIRE(third.trip.worst_ulp == 1);
  const std::uint64_t one = bf16_bits(1);
  CHECK(third.allows(one, one + 1));
  CHECK(!third.allows(one, one + 2));
  // Below what the class holds for, whatever its ulps.
  const TensorTrip small = trip(SideId::Left, "c", Bf16);
  const std::uint64_t tiny = 0x100;
  REQUIRE(number_of(Bf16, tiny) < small.trip.from);
  CHECK(!small.allows(tiny, tiny + 1));

  // Samples prove nothing: a float32 must be just what the trip makes of the other.
  const TensorTrip wide = trip(SideId::Left, "a", F32);
  CHECK(wide.trip.evidence == Evidence::Samples);
  std::size_t allowed = 0;
  for (std::uint64_t code = 0x3F800000; code < 0x3F800400; ++code) allowed += wide.allows(code, code + 1);
  CHECK(allowed < 0x400);

  // Of a tensor of an exact part and a lossy one, only what every part loses, or what a part's trip makes.
  const TensorTrip mixed = trip(SideId::Left, "e", Bf16);
  CHECK(mixed.parts.size() == 2);
  CHECK(mixed.trip.worst_ulp == 1);
  std::size_t excused = 0;
  for (std::uint64_t code = 0x3F80; code < 0x4000; ++code) excused += mixed.allows(code, code + 1);
  CHECK(excused < 0x80);
}

}  // namespace rulec::classes_test
