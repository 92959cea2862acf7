// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/scalar/op.h"
#include "engine/tensor/float_types.h"
#include "engine/tensor/numbers.h"
#include "tests/calls.h"

namespace rulec::scalar_test {
namespace {

std::size_t bytes_of(DType dtype, std::size_t elements) {
  return elements * static_cast<std::size_t>(bits(dtype)) / 8;
}

std::vector<std::byte> noise(std::size_t bytes) {
  std::vector<std::byte> made(bytes);
  std::mt19937 random(7);
  for (std::byte& byte : made) byte = static_cast<std::byte>(random());
  return made;
}

struct Row {
  std::string text;
  Pipeline pipeline;
  DType start;
  std::optional<DType> requested;
  Fidelity claimed;
  double weights_percent;  // of 0 and 2^-16 <= |x| <= 8
};

const std::vector<Row>& rows() {
  static const std::vector<Row> list{
      {"", {}, Bf16, {}, Fidelity::Exact, 100},
      {"", {}, F32, Bf16, Fidelity::Stable, 0.202},
      {"add(1)", {call(ops::Add, {number(1)})}, Bf16, {}, Fidelity::Stable, 21.4},
      {"add(1)", {call(ops::Add, {number(1)})}, Bf16, F32, Fidelity::Stable, 100},
      {"sub(1)", {call(ops::Sub, {number(1)})}, F32, {}, Fidelity::Stable, 21.5},
      {"sub(8)", {call(ops::Sub, {number(8)})}, DType::U8, {}, Fidelity::Exact, 100},
      {"mul(16)", {call(ops::Mul, {number(16)})}, Bf16, {}, Fidelity::Stable, 100},
      {"mul(48)", {call(ops::Mul, {number(48)})}, Bf16, {}, Fidelity::Stable, 83.6},
      {"mul(bf16(48))", {call(ops::Mul, {bf16(48)})}, F16, {}, Fidelity::Stable, 83.3},
      {"mul(f32(59.86652))", {call(ops::Mul, {f32(std::sqrt(3584))})}, F64, {}, Fidelity::Stable, 95.9},
      {"mul(tensor 0)", {call(ops::Mul, {tensor(0)})}, Bf16, {}, Fidelity::OneWay, 0},
      {"mul(0)", {call(ops::Mul, {number(0)})}, Bf16, {}, Fidelity::OneWay, 0},
      {"div(0.1)", {call(ops::Div, {number(0.1)})}, Bf16, {}, Fidelity::Stable, 85.2},
      {"neg", {call(ops::Neg)}, F16, {}, Fidelity::Exact, 100},
      {"neg", {call(ops::Neg)}, I32, {}, Fidelity::Exact, 100},
      {"exp", {call(ops::Exp)}, Bf16, {}, Fidelity::Stable, 23.4},
      {"log | neg", {call(ops::Log), call(ops::Neg)}, F32, {}, Fidelity::Stable, 19.3},
      {"exp2", {call(ops::Exp2)}, F32, {}, Fidelity::OneWay, 0},
      {"cast(f32)", {cast(F32)}, Bf16, Bf16, Fidelity::Exact, 100},
      {"cast(bf16)", {cast(Bf16)}, F16, {}, Fidelity::Stable, 13.4},
      {"shr(4)", {call(ops::Shr, {number(4)})}, I32, {}, Fidelity::OneWay, 0},
      {"and(15)", {call(ops::And, {number(15)})}, DType::U16, {}, Fidelity::OneWay, 0},
      {"and(15) | lut(0, 0.5, -1)",
       {call(ops::And, {number(15)}), call(ops::Lut, {number(0), number(0.5), number(-1)})},
       DType::U8,
       {},
       Fidelity::OneWay,
       0},
      {"mul(3) | mul(5)", {call(ops::Mul, {number(3)}), call(ops::Mul, {number(5)})}, Bf16, {}, Fidelity::Stable, 76.6},
  };
  return list;
}

}  // namespace

TEST_CASE("every op has a row, and its file says what it does") {
  std::set<std::string_view> tried;
  for (const Row& row : rows()) {
    for (const Call& c : row.pipeline) tried.insert(c.op->name);
  }
  for (const OpDef* op : all_ops()) {
    CAPTURE(op->name);
    CHECK(tried.contains(op->name));
    CHECK(find_op(op->name) == op);
    CHECK(!op->doc.empty());
  }
  CHECK(find_op("sqrt") == nullptr);
}

TEST_CASE("pipelines are printed as rules write them") {
  for (const Row& row : rows()) CHECK(to_string(row.pipeline) == row.text);
}

TEST_CASE("the way back restores as much as is claimed, and a second trip loses nothing") {
  for (const Row& row : rows()) {
    CAPTURE(row.text);
    CAPTURE(rule_name(row.start));
    const RoundTrip trip = try_round_trip(row.pipeline, inverse(row.pipeline), row.start, row.requested);
    CHECK(trip.fidelity == row.claimed);
    CHECK(100 * trip.weights_share == doctest::Approx(row.weights_percent).epsilon(0.01));
    CHECK(trip.lost.has_value() == (trip.weights_share < 1 && trip.fidelity != Fidelity::OneWay));
  }
}

TEST_CASE("a table in tiles is each element by itself, wherever its bytes lie") {
  const std::vector<std::byte> source = noise(8 * (2 * Tile::Capacity + 3));
  for (const Row& row : rows()) {
    CAPTURE(row.text);
    const Types types = types_of(row.pipeline, row.start, row.requested);
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, Tile::Capacity, 2 * Tile::Capacity + 1}) {
      const auto in = std::span(source).subspan(1, bytes_of(types.arrives, count));
      const auto factors = std::span(source).subspan(3, bytes_of(F32, count));
      std::vector<std::byte> together(bytes_of(types.stored, count) + 1);
      const OperandBytes all{F32, factors};
      apply(row.pipeline, types, in, {&all, 1}, std::span(together).subspan(1));
      std::vector<std::byte> apart(together.size());
      for (std::size_t i = 0; i < count; ++i) {
        const OperandBytes one{F32, factors.subspan(bytes_of(F32, i), bytes_of(F32, 1))};
        apply(row.pipeline, types, in.subspan(bytes_of(types.arrives, i), bytes_of(types.arrives, 1)), {&one, 1},
              std::span(apart).subspan(1 + bytes_of(types.stored, i), bytes_of(types.stored, 1)));
      }
      CHECK(together == apart);
    }
  }
}

TEST_CASE("every bf16 and f16 number is computed with as a float and rounded once, or not touched at all") {
  struct Format {
    DType dtype;
    float (*number)(std::uint16_t);
    std::uint16_t (*bits)(float);
  };
  std::vector<std::uint16_t> in;
  for (std::uint32_t code = 0; code <= 0xFFFF; ++code) in.push_back(static_cast<std::uint16_t>(code));
  std::vector<std::uint16_t> out(in.size());
  std::vector<float> wide(in.size());
  for (const Format& f : {Format{Bf16, bf16_to_f32, f32_to_bf16}, Format{F16, f16_to_f32, f32_to_f16}}) {
    CAPTURE(rule_name(f.dtype));
    const auto changed = [&](const Pipeline& pipeline) {
      apply(pipeline, {f.dtype, f.dtype, f.dtype}, std::as_bytes(std::span(in)), {},
            std::as_writable_bytes(std::span(out)));
      return out;
    };
    CHECK(changed({}) == in);
    for (const float c : {1.0F, 48.0F, -0.1F, 1e-30F, 3e38F}) {
      const auto each = [&](auto compute) {
        std::vector<std::uint16_t> wanted;
        for (const std::uint16_t code : in) wanted.push_back(f.bits(compute(f.number(code))));
        return wanted;
      };
      CAPTURE(c);
      CHECK(changed({call(ops::Add, {f32(c)})}) == each([c](float x) { return x + c; }));
      CHECK(changed({call(ops::Mul, {f32(c)})}) == each([c](float x) { return x * c; }));
      const Pipeline both{call(ops::Mul, {f32(c)}), call(ops::Add, {f32(c)})};
      CHECK(changed(both) == each([&](float x) { return f.number(f.bits(x * c)) + c; }));
    }
    apply({}, {f.dtype, F32, F32}, std::as_bytes(std::span(in)), {}, std::as_writable_bytes(std::span(wide)));
    for (std::size_t i = 0; i < in.size(); ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(wide[i]);
      if (bits != std::bit_cast<std::uint32_t>(f.number(in[i]))) FAIL(in[i]);
    }
  }
}

TEST_CASE("an inverse runs backwards and drops casts") {
  const Pipeline there{call(ops::Sub, {number(1)}), cast(F32), call(ops::Mul, {f32(3)}), call(ops::Exp)};
  CHECK(to_string(*inverse(there)) == "log | div(f32(3)) | add(1)");
  CHECK(inverse(*inverse(there)) == Pipeline{there[0], there[2], there[3]});
  CHECK(!inverse({call(ops::Add, {tensor(0)})}));
  CHECK(!inverse({call(ops::Add, {number(1)}), call(ops::Shr, {number(1)})}));
}

TEST_CASE("types: floats are read in the wider one, and the last cast is what is stored") {
  struct Case {
    Pipeline pipeline;
    DType arrives;
    std::optional<DType> requested;
    bool cast_first;
    Types types;
  };
  const Call one = call(ops::Add, {number(1)});
  const Call table = call(ops::Lut, {number(1)});
  for (const Case& c : std::vector<Case>{
           {{}, Bf16, {}, false, {Bf16, Bf16, Bf16}},
           {{}, Bf16, F32, false, {Bf16, F32, F32}},
           {{}, F32, Bf16, false, {F32, F32, Bf16}},
           {{}, F32, Bf16, true, {F32, Bf16, Bf16}},
           {{}, Bf16, F16, false, {Bf16, F32, F16}},
           {{}, F64, Bf16, false, {F64, F64, Bf16}},
           {{cast(F32), one}, Bf16, Bf16, false, {Bf16, Bf16, F32}},
           {{cast(F32), one, cast(F16)}, Bf16, Bf16, false, {Bf16, Bf16, F16}},
           {{}, I32, Bf16, false, {I32, I32, I32}},
           {{}, DType::F8E4M3, Bf16, true, {DType::F8E4M3, DType::F8E4M3, DType::F8E4M3}},
           {{}, Bf16, I32, false, {Bf16, Bf16, Bf16}},
           {{cast(Bf16)}, I32, F32, false, {I32, I32, Bf16}},
           {{table}, DType::U8, Bf16, false, {DType::U8, DType::U8, F32}},
       }) {
    CAPTURE(to_string(c.pipeline));
    const Types types = types_of(c.pipeline, c.arrives, c.requested, c.cast_first);
    CHECK(rule_name(types.arrives) == rule_name(c.types.arrives));
    CHECK(rule_name(types.working) == rule_name(c.types.working));
    CHECK(rule_name(types.stored) == rule_name(c.types.stored));
  }
}

TEST_CASE("calls that do not fit the type that reaches them are reported") {
  struct Case {
    Pipeline pipeline;
    DType arrives;
    std::vector<DType> operands;
    std::string message;  // empty: fits
  };
  const Call scale = call(ops::Mul, {tensor(0)});
  for (const Case& c : std::vector<Case>{
           {{call(ops::Exp)}, I32, {}, "`exp` works on bf16, f16, f32 and f64, and `w` arrives as i32"},
           {{call(ops::Mul, {number(2)})},
            DType::F8E4M3,
            {},
            "`mul(2)` works on bf16, f16, f32, f64 and integers, and `w` arrives as f8_e4m3"},
           {{cast(F32), call(ops::Shr, {number(1)})}, I32, {}, "`shr(1)` works on integers, and `w` arrives as f32"},
           {{cast(F32)},
            DType::C64,
            {},
            "`cast(f32)` works on types that can be read as numbers, and `w` arrives as c64"},
           {{cast(DType::F4)}, F32, {}, "expected a type that numbers are written in, found `f4`"},
           {{call(ops::Sub, {number(0.5)})}, I32, {}, "expected a whole number of i32, found `sub(0.5)`"},
           {{call(ops::Sub, {f32(1)})}, I32, {}, "expected a whole number of i32, found `sub(f32(1))`"},
           {{call(ops::And, {number(256)})}, DType::U8, {}, "expected a whole number of u8, found `and(256)`"},
           {{call(ops::Shr, {number(32)})}, I32, {}, "expected a number of bits from 0 to 31, found `shr(32)`"},
           {{call(ops::Shr, {tensor(0)})}, I32, {}, "expected a number, found a tensor"},
           {{scale}, I32, {F32}, "expected a tensor of integers, found one of f32"},
           {{scale}, F32, {DType::C64}, "expected a tensor of numbers, found one of c64"},
           {{scale}, F32, {I32}, ""},
           {{scale}, I32, {}, ""},
           {{cast(F32), call(ops::Mul, {number(2)}), cast(Bf16)}, DType::F8E4M3, {}, ""},
           {{call(ops::Shr, {number(4)}), call(ops::Lut, {number(0.5)}), call(ops::Exp)}, DType::U64, {}, ""},
       }) {
    CAPTURE(to_string(c.pipeline));
    Diagnostics diags;
    const Status status = check_types(c.pipeline, types_of(c.pipeline, c.arrives, {}), c.operands, "w", diags);
    CHECK(static_cast<bool>(status) == c.message.empty());
    CHECK((diags.all().empty() ? "" : diags.all().front().message) == c.message);
  }
}

TEST_CASE("where nothing happens to the numbers, bits are copied, NaN payloads too") {
  const std::vector<std::uint16_t> all = [] {
    std::vector<std::uint16_t> codes(65536);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint16_t>(i);
    return codes;
  }();
  CHECK(in_bf16({}, all) == all);
  CHECK(in_bf16({cast(Bf16)}, all) == all);
  CHECK(applied<std::uint16_t>({}, {F16, F16, F16}, all) == all);
  const std::vector<std::uint32_t> odd{0x7F800001, 0xFFFFFFFF, 0x80000000, 1};
  CHECK(applied<std::uint32_t>({}, {F32, F32, F32}, odd) == odd);
  const std::vector<std::uint64_t> pairs{0x7F8000017F800001};
  CHECK(applied<std::uint64_t>({}, {DType::C64, DType::C64, DType::C64}, pairs) == pairs);
}

TEST_CASE("arithmetic keeps subnormals and the sign of zero, and quiets NaNs") {
  const Pipeline same{call(ops::Mul, {number(1)})};
  CHECK(in_bf16(same, {0x8000, 0x0001, 0x807F, 0x7F80, 0xFF80}) ==
        std::vector<std::uint16_t>{0x8000, 0x0001, 0x807F, 0x7F80, 0xFF80});
  CHECK(in_bf16(same, {0x7F81, 0xFF81, 0x7FFF}) == std::vector<std::uint16_t>{0x7FC0, 0xFFC0, 0x7FC0});
  CHECK(applied<std::uint16_t>(same, {F16, F16, F16}, std::vector<std::uint16_t>{0x7C01, 0xFC01, 0x8001}) ==
        std::vector<std::uint16_t>{0x7E00, 0xFE00, 0x8001});
  CHECK(applied<std::uint32_t>(same, {F32, F32, F32}, std::vector<std::uint32_t>{0xFFC12345, 0x80000001}) ==
        std::vector<std::uint32_t>{0xFFC12345, 0x80000001});
}

TEST_CASE("constants: a bare one takes the running type, a typed one its own") {
  CHECK(in_bf16({call(ops::Mul, {number(0.1)})}, {0x3F80}) == std::vector<std::uint16_t>{0x3DCD});
  // 3 * f32(0.1) rounds to one bfloat16, 3 * bf16(0.1) to the next.
  CHECK(in_bf16({call(ops::Mul, {f32(0.1)})}, {0x4040}) == std::vector<std::uint16_t>{0x3E9A});
  CHECK(in_bf16({call(ops::Mul, {bf16(0.1)})}, {0x4040}) == in_bf16({call(ops::Mul, {number(0.1)})}, {0x4040}));
  CHECK(in_f32({call(ops::Mul, {bf16(0.1)})}, {1}) == std::vector<float>{0.10009765625F});
  CHECK(in_f32({call(ops::Div, {f32(3)})}, {1}) == std::vector<float>{1.0F / 3.0F});
}

TEST_CASE("every call rounds to the running type") {
  // 1 + 2^-9 is 1 in bfloat16, so that nothing is left; in float32 it is.
  const Pipeline there_and_back{call(ops::Add, {number(1)}), call(ops::Sub, {number(1)})};
  const std::uint16_t small = 0x3B00;
  CHECK(in_bf16(there_and_back, {small}) == std::vector<std::uint16_t>{0});
  CHECK(applied<std::uint16_t>(there_and_back, {Bf16, F32, Bf16}, std::vector<std::uint16_t>{small}) ==
        std::vector<std::uint16_t>{small});
  CHECK(applied<float>({cast(F32), call(ops::Add, {number(1)})}, {Bf16, Bf16, F32},
                       std::vector<std::uint16_t>{small}) == std::vector<float>{1.001953125F});
}

TEST_CASE("functions are right to the last bit of a float") {
  CHECK(in_f32({call(ops::Exp)}, {0, 1, -std::numeric_limits<float>::infinity()}) ==
        std::vector<float>{1, 2.71828175F, 0});
  CHECK(in_f32({call(ops::Log)}, {1, 0, 10}) ==
        std::vector<float>{0, -std::numeric_limits<float>::infinity(), 2.30258512F});
  CHECK(in_f32({call(ops::Exp2)}, {-149, 0.5F, 128}) ==
        std::vector<float>{0x1p-149F, 1.41421354F, std::numeric_limits<float>::infinity()});
  CHECK(applied<double>({call(ops::Exp)}, {F64, F64, F64}, std::vector<double>{1}) ==
        std::vector<double>{std::exp(1.0)});
}

TEST_CASE("integers: shifts keep signs, arithmetic wraps, tables have ends") {
  using Ints = std::vector<std::int32_t>;
  const auto ints = [](const Pipeline& pipeline, const Ints& in) {
    return applied<std::int32_t>(pipeline, {I32, I32, I32}, in);
  };
  CHECK(ints({call(ops::Shr, {number(4)})}, {0x7F, -16, -1}) == Ints{7, -1, -1});
  CHECK(ints({call(ops::Shr, {number(28)}), call(ops::And, {number(15)})}, {-1, 0x70000000}) == Ints{15, 7});
  CHECK(ints({call(ops::Add, {number(1)})}, {0x7FFFFFFF}) == Ints{std::numeric_limits<std::int32_t>::min()});
  CHECK(ints({call(ops::Neg)}, {5, std::numeric_limits<std::int32_t>::min()}) ==
        Ints{-5, std::numeric_limits<std::int32_t>::min()});
  CHECK(applied<std::int64_t>({call(ops::Shr, {number(4)})}, {DType::I64, DType::I64, DType::I64},
                              std::vector<std::int64_t>{-16}) == std::vector<std::int64_t>{-1});
  const Types u64{DType::U64, DType::U64, DType::U64};
  const std::vector<std::uint64_t> large{0xFFFFFFFFFFFFFFFF};
  CHECK(applied<std::uint64_t>({call(ops::Shr, {number(60)})}, u64, large) == std::vector<std::uint64_t>{15});
  CHECK(applied<std::uint64_t>({call(ops::Mul, {number(3)})}, u64, large) ==
        std::vector<std::uint64_t>{0xFFFFFFFFFFFFFFFD});
  const Pipeline table{call(ops::Lut, {number(0), number(0.5), number(-6)})};
  const auto found = applied<float>(table, {DType::I8, DType::I8, F32}, std::vector<std::int8_t>{0, 1, 2, 3, -1});
  CHECK(std::vector<float>(found.begin(), found.begin() + 3) == std::vector<float>{0, 0.5F, -6});
  CHECK(std::isnan(found[3]));
  CHECK(std::isnan(found[4]));
}

TEST_CASE("tensors beside the running value are read as stored, in the wider type of both") {
  const std::vector<double> third{1.0 / 3};
  const std::vector<float> scale{0.1F};
  const std::vector<std::uint8_t> codes{0x7E};  // 448 as E4M3
  const std::vector<std::int32_t> three{3};
  const auto bytes = [](DType dtype, const auto& of) { return OperandBytes{dtype, std::as_bytes(std::span(of))}; };
  const Pipeline times{call(ops::Mul, {tensor(0)})};
  CHECK(applied<float>(times, {F32, F32, F32}, std::vector<float>{3}, {bytes(F64, third)}) == std::vector<float>{1});
  CHECK(applied<std::uint16_t>(times, {Bf16, Bf16, Bf16}, std::vector<std::uint16_t>{0x4040}, {bytes(F32, scale)}) ==
        in_bf16({call(ops::Mul, {f32(0.1)})}, {0x4040}));
  CHECK(applied<float>(times, {F32, F32, F32}, std::vector<float>{2}, {bytes(I32, three)}) == std::vector<float>{6});
  CHECK(applied<std::int32_t>({call(ops::Sub, {tensor(0)})}, {I32, I32, I32}, std::vector<std::int32_t>{2},
                              {bytes(I32, three)}) == std::vector<std::int32_t>{-1});
}

TEST_CASE("packed weights become bfloat16") {
  const std::vector<float> scale{0.1F};
  const OperandBytes scales{F32, std::as_bytes(std::span(scale))};
  const Pipeline fp8{cast(F32), call(ops::Mul, {tensor(0)}), cast(Bf16)};
  const std::vector<std::uint8_t> largest{0x7E};  // 448 in E4M3
  CHECK(applied<std::uint16_t>(fp8, types_of(fp8, DType::F8E4M3, {}), largest, {scales}) ==
        std::vector<std::uint16_t>{0x4233});
  const Pipeline int4{call(ops::Shr, {number(28)}), call(ops::And, {number(15)}),
                      call(ops::Sub, {number(8)}),  cast(F32),
                      call(ops::Mul, {tensor(0)}),  cast(Bf16)};
  const std::vector<std::uint32_t> word{0xF0000000};
  CHECK(applied<std::uint16_t>(int4, types_of(int4, I32, {}), word, {scales}) == std::vector<std::uint16_t>{0x3F33});
  // Two 4-bit floats in a byte, the lower half first: 0.5 and -6.
  std::vector<std::uint16_t> pair(2);
  const std::vector<std::uint8_t> byte{0xF1};
  apply({cast(Bf16)}, types_of({cast(Bf16)}, DType::F4, {}), std::as_bytes(std::span(byte)), {},
        std::as_writable_bytes(std::span(pair)));
  CHECK(pair == std::vector<std::uint16_t>{0x3F00, 0xC0C0});
}

}  // namespace rulec::scalar_test
