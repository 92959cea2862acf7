// SPDX-License-Identifier: Apache-2.0
// What is told of the numbers of one checkpoint: statistics, warnings, checksums.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "engine/compare/exact_sum.h"
#include "tests/chunked_memory.h"
#include "tests/scratch.h"
#include "tests/verify_checks.h"

namespace rulec::verify_statistics_test {

using namespace testing;

TEST_CASE("Statistics, against what they are by hand") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType dtype : {DType::Bf16, DType::F16, DType::F32, DType::F64}) {
    const MemoryStore store = one(dtype, {2, 5}, {1, 2, 3, 4, -2.5, 0, -0.0, nan, -inf, 4});
    const TensorStatistics s = *verified(store, store, nullptr).tensors[0].statistics;
    CHECK(s.cells == 10);
    CHECK(s.zeros == 2);
    CHECK(s.nans == 1);
    CHECK(s.infinities == 1);
    CHECK(s.least == -2.5);
    CHECK(s.most == 4);
    CHECK(s.mean == 11.5 / 8);
    CHECK(s.deviation == doctest::Approx(std::sqrt(52.25 / 8 - 11.5 * 11.5 / 64)).epsilon(1e-15));
  }
  const MemoryStore ints = one(DType::I32, {3}, {-7, 0, 1});
  const TensorStatistics s = *verified(ints, ints, nullptr).tensors[0].statistics;
  CHECK(s.mean == -2);
  CHECK(s.least == -7);
  // Far from 0 the squares nearly cancel.
  const MemoryStore far = one(DType::F64, {4}, {1e8, 1e8 + 1, 1e8 + 2, 1e8 + 3});
  CHECK(verified(far, far, nullptr).tensors[0].statistics->deviation == doctest::Approx(std::sqrt(1.25)).epsilon(1e-9));
}

TEST_CASE("Statistics do not depend on chunks, memory or threads") {
  for (const DType dtype : {DType::Bf16, DType::F32}) {
    std::mt19937 random(1);
    std::vector<double> numbers(70 * 50 * 40);
    for (double& x : numbers) x = std::normal_distribution<double>(0, 1)(random);
    const MemoryStore store = one(dtype, {70, 50, 40}, numbers);
    const auto expected = *verified(store, store, nullptr).tensors[0].statistics;
    CHECK(std::abs(expected.mean) < 0.01);
    CHECK(expected.deviation == doctest::Approx(1).epsilon(0.01));
    for (unsigned seed = 0; seed < 12; ++seed) {
      VerifyOptions options;
      options.threads = static_cast<int>(seed % 4) + 1;
      options.memory_bytes = std::uint64_t{64} << 20U;
      const Verification found = verified(store, ChunkedMemory(store, seed), nullptr, options);
      CHECK(is_same(found));
      CHECK(*found.tensors[0].statistics == expected);
    }
  }
}

TEST_CASE("Exact sums") {
  ExactSum sum;
  for (const double x : {1e300, 1.0, -1e300, 0x1p-1074, 0x1p-1074, -3.0}) sum.add(x);
  CHECK(sum.value().nearest == -2);
  CHECK(sum.value().rest == 0x1p-1073);
  ExactSum many;
  many.add(-0.1, 1000000);
  many.add(0.1, 999999);
  CHECK(many.value().nearest == -0.1);
  CHECK(many.value().rest == 0);
  CHECK(ExactSum().value().nearest == 0);
  for (const double x : {1.0, -1.0, 0x1p-1074, -0x1p-1074, 0x1.fffffffffffffp1023, -0x1.8p-1022}) {
    ExactSum alone;
    alone.add(x);
    CHECK(alone.value().nearest == x);
    CHECK(alone.value().rest == 0);
  }
}

TEST_CASE("Weights that mean nothing are warned of") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  MemoryStore store = one(DType::F32, {3}, {0, 0, -0.0}, "zeros");
  store.put({"ones", DType::Bf16, {2}}, encode({1, 1}, DType::Bf16));
  store.put({"wild", DType::F32, {3}}, encode({1, nan, nan}, DType::F32));
  store.put({"good", DType::F32, {3}}, encode({1, 2, 3}, DType::F32));
  store.put({"good_again", DType::F32, {3}}, encode({1, 2, 3}, DType::F32));
  store.put({"good_too", DType::F32, {3}}, encode({3, 2, 1}, DType::F32));
  store.put({"good_twice", DType::F32, {3}}, encode({1, 2, 3}, DType::F32));
  store.put({"good_wide", DType::F32, {1, 3}}, encode({1, 2, 3}, DType::F32));
  store.put({"scalar", DType::F32, {}}, encode({0}, DType::F32));
  Diagnostics diags;
  CHECK(is_same(verified(store, store, nullptr, {}, &diags)));
  const std::string said = render_text(diags);
  CAPTURE(said);
  CHECK(diags.all().size() == 3);
  CHECK(diags.errors() == 0);
  CHECK(said.find("warning[R0618 one-number]: `ones` holds one number in all of its cells: 1") != std::string::npos);
  CHECK(said.find("likewise `zeros`: 0") != std::string::npos);
  CHECK(said.find("warning[R0619 not-finite]: `wild` holds 2 NaNs") != std::string::npos);
  CHECK(said.find("warning[R0620 same-weights]: `good_again` has the bits of `good`, and no rule makes it so") !=
        std::string::npos);
  CHECK(said.find("likewise `good_twice`: good") != std::string::npos);
  CHECK(said.find("good_too") == std::string::npos);
  CHECK(said.find("good_wide") == std::string::npos);
}

TEST_CASE("What the rules make the same or constant is not odd") {
  const Sides sides = sides_of(DType::F32);
  Diagnostics diags;
  verified(sides.maxtext, sides.hf, &sides.model, {}, &diags);
  CHECK_MESSAGE(diags.all().empty(), render_text(diags));
  // The same checkpoint, without the rule that explains the head.
  verified(sides.hf, sides.hf, nullptr, {}, &diags);
  CHECK(render_text(diags).find("`shared.weight` has the bits of `head.weight`") != std::string::npos);

  const Model constant = model_of("pack p : maxtext -> hf\nlet D = 4\n1 -> ones : [D]\na : [D] -> w\n");
  MemoryStore hf = one(DType::F32, {4}, {1, 1, 1, 1}, "ones");
  hf.put({"w", DType::F32, {4}}, encode({1, 2, 3, 4}, DType::F32));
  verified(hf, hf, &constant, {}, &diags);
  CHECK_MESSAGE(diags.all().empty(), render_text(diags));
}

TEST_CASE("Checksums are those of the bytes in C order, however a tensor is cut") {
  MemoryStore store;
  store.put({"empty", DType::F32, {0}}, {});
  store.put({"a", DType::U8, {1}}, {std::byte{'a'}});
  const Sides sides = sides_of(DType::Bf16);
  Diagnostics diags;
  const auto known = checksums(store, {}, diags);
  REQUIRE(known);
  CHECK((*known)[0].xxh3_128 == "a96faf705af16834e6c632b61e964e1f");  // `xxhsum -H2`
  CHECK((*known)[1].xxh3_128 == "99aa06d3014798d86001c324468d497f");
  const auto expected = checksums(sides.maxtext, {}, diags);
  REQUIRE(expected);
  const Scratch folder;
  OrbaxOptions options;
  options.chunk_bytes = 100;
  options.is_compressed = true;
  const auto sink = orbax_sink(folder.path(), options);
  REQUIRE(convert(sides.model, "maxtext", sides.hf, *sink, {}, diags));
  auto found = checksums(*opened(folder.path()), {3, {}}, diags);
  REQUIRE(found);
  std::erase_if(*found, [](const TensorChecksum& sum) { return sum.tensor.name == "step"; });
  CHECK(*found == *expected);
}

}  // namespace rulec::verify_statistics_test
