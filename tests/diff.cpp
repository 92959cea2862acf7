// SPDX-License-Identifier: Apache-2.0
// Two checkpoints compared: as they are, within a class, and across the two sides of a pack.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/rules/rules.h"
#include "engine/trial/random_model.h"

#include <rulec/rulec.h>

namespace rulec::diff_test {
namespace {

TensorDifference only_difference(const MemoryStore& a, const MemoryStore& b, const Model* model = nullptr) {
  Diagnostics diags;
  Result<std::vector<TensorDifference>> found = diff(a, b, model, diags);
  INFO(render_text(diags));
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  return found->front();
}

MemoryStore one(DType dtype, Shape shape, const std::vector<double>& numbers, const std::string& name = "x") {
  MemoryStore store;
  store.put({name, dtype, std::move(shape)}, encode(numbers, dtype));
  return store;
}

/// Norms by a hook, a scale, and a transpose.
Model model_of(std::string_view norm_hook, Diagnostics& diags) {
  PackFolder nothing;
  nothing.read = [](std::string_view) { return std::nullopt; };
  const std::string text = std::string("pack p : maxtext -> hf\nlet D = 3, F = 2\nhook norm = ").append(norm_hook) +
                           "\nnorm.scale : [D] -> norm.weight | norm\nwi : [D F] -> gate : [F D]\nignore hf : head\n";
  Result<Rules> rules = load_rules(diags.sources().add("p.rules", text), nothing, diags);
  REQUIRE(rules);
  Result<Model> model = bind(RulePack(std::make_shared<const Rules>(*std::move(rules))), {}, diags);
  INFO(render_text(diags));
  REQUIRE(model);
  return *std::move(model);
}

MemoryStore hf(DType dtype, const std::vector<double>& norm) {
  MemoryStore store;
  store.put({"norm.weight", dtype, {3}}, encode(norm, dtype));
  store.put({"gate", dtype, {2, 3}}, encode({1, 2, 3, 4, 5, 6}, dtype));
  return store;
}

MemoryStore converted(const Model& model, std::string_view to, const MemoryStore& from) {
  Diagnostics diags;
  MemoryStore store;
  const auto report = convert(model, to, from, store, {}, diags);
  INFO(render_text(diags));
  REQUIRE(report);
  return store;
}

}  // namespace

TEST_CASE("Equal bits are the same, whatever they stand for") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const DType dtype : {DType::Bf16, DType::F32, DType::F64}) {
    CHECK(only_difference(one(dtype, {3}, {1, nan, -0.0}), one(dtype, {3}, {1, nan, -0.0})).difference ==
          Difference::Same);
  }
  CHECK(only_difference(one(DType::F32, {0, 4}, {}), one(DType::F32, {0, 4}, {})).difference == Difference::Same);
}

TEST_CASE("Cells that differ are counted, the first is shown with its place, the worst in ulps") {
  std::vector<double> numbers(4 * 18, 0.5);
  const MemoryStore a = one(DType::F32, {4, 18}, numbers);
  numbers[3 * 18 + 17] = 0.5 + 0x1p-24 * 3;
  numbers[2 * 18 + 1] = 0.5 + 0x1p-24;
  const TensorDifference found = only_difference(a, one(DType::F32, {4, 18}, numbers));
  CHECK(found.difference == Difference::Values);
  CHECK(found.cells == 2);
  CHECK(found.worst_ulp == 3);
  CHECK(found.detail == "[2 1]: 0.5 against 0.50000006");
}

TEST_CASE("NaNs of other bits and zeros of other signs differ") {
  MemoryStore a;
  MemoryStore b;
  const auto bytes = [](std::uint32_t bits) {
    const auto raw = std::bit_cast<std::array<std::byte, 4>>(bits);
    return std::vector<std::byte>(raw.begin(), raw.end());
  };
  a.put({"x", DType::F32, {}}, bytes(0x7FC00000));
  b.put({"x", DType::F32, {}}, bytes(0x7FC00001));
  const TensorDifference nan = only_difference(a, b);
  CHECK(nan.difference == Difference::Values);
  CHECK(nan.detail == "[]: NaN (0x7FC00000) against NaN (0x7FC00001)");
  CHECK(only_difference(one(DType::F32, {1}, {0.0}), one(DType::F32, {1}, {-0.0})).difference == Difference::Values);
}

TEST_CASE("A difference behind the first megabytes is found") {
  std::vector<double> numbers(3 << 20, 1);
  const MemoryStore a = one(DType::Bf16, {3, 1 << 20}, numbers);
  numbers[(2 << 20) + 7] = 2;
  CHECK(only_difference(a, one(DType::Bf16, {3, 1 << 20}, numbers)).detail == "[2 7]: 1 against 2");
}

TEST_CASE("Types, shapes and names") {
  CHECK(only_difference(one(DType::F32, {2}, {1, 2}), one(DType::Bf16, {2}, {1, 2})).detail == "F32 against BF16");
  CHECK(only_difference(one(DType::F32, {2, 1}, {1, 2}), one(DType::F32, {1, 2}, {1, 2})).detail ==
        "[2 1] against [1 2]");
  Diagnostics diags;
  const auto found = diff(one(DType::F32, {1}, {1}, "a"), one(DType::F32, {1}, {1}, "b"), nullptr, diags);
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0].name == "a");
  CHECK((*found)[0].difference == Difference::OnlyA);
  CHECK((*found)[1].name == "b");
  CHECK((*found)[1].difference == Difference::OnlyB);
}

TEST_CASE("Across the two sides: what the rules make of A is held against B") {
  Diagnostics diags;
  const Model model = model_of("sub(1) reverse cast(f32) | add(1)", diags);
  const MemoryStore right = hf(DType::Bf16, {0.5, -0.25, 2});
  const MemoryStore left = converted(model, "maxtext", right);
  for (const auto& [a, b] : {std::pair(&right, &left), std::pair(&left, &right)}) {
    const auto found = diff(*a, *b, &model, diags);
    REQUIRE(found);
    CHECK(found->size() == 2);
    CHECK(std::ranges::all_of(*found, [](const TensorDifference& d) { return d.difference == Difference::Same; }));
  }

  MemoryStore transposed = left;
  transposed.put({"wi", DType::Bf16, {3, 2}}, encode({1, 2, 3, 4, 5, 6}, DType::Bf16));
  const auto wrong = diff(right, transposed, &model, diags);
  REQUIRE(wrong);
  CHECK((*wrong)[1].name == "wi");
  CHECK((*wrong)[1].difference == Difference::Values);
  CHECK((*wrong)[1].cells == 4);
  CHECK((*wrong)[1].detail.starts_with("[0 1]: 4 against 2; the rule is exact (p.rules:5)"));
}

TEST_CASE("Tensors that have no partner are told, unless they are ignored") {
  Diagnostics diags;
  const Model model = model_of("mul(2)", diags);
  const MemoryStore right = hf(DType::F32, {1, 2, 3});
  const MemoryStore left = converted(model, "maxtext", right);
  MemoryStore more = right;
  more.put({"head", DType::F32, {1}}, encode({1}, DType::F32));
  more.put({"stray", DType::F32, {1}}, encode({1}, DType::F32));
  const auto found = diff(left, more, &model, diags);
  REQUIRE(found);
  REQUIRE(found->size() == 3);
  CHECK(found->back().name == "stray");
  CHECK(found->back().difference == Difference::OnlyB);
}

TEST_CASE("On one side, what a rule may lose is within its class, and no more than that") {
  // 1e-9 is lost in w + 1, as 0.3 in bfloat16 is: both are what comes back.
  Diagnostics diags;
  const Model model = model_of("sub(1) reverse add(1)", diags);
  const MemoryStore original = hf(DType::Bf16, {1e-9, 0.3, 2});
  MemoryStore returned = converted(model, "hf", converted(model, "maxtext", original));
  auto found = diff(original, returned, &model, diags);
  REQUIRE(found);
  CHECK((*found)[0].difference == Difference::Same);
  CHECK((*found)[1].name == "norm.weight");
  CHECK((*found)[1].difference == Difference::WithinClass);
  CHECK((*found)[1].detail.find("ulp") != std::string::npos);
  CHECK((*found)[1].detail.find("(p.rules:4)") != std::string::npos);

  returned.put({"norm.weight", DType::Bf16, {3}}, encode({1e-9, 0.3, 3}, DType::Bf16));
  found = diff(original, returned, &model, diags);
  REQUIRE(found);
  CHECK((*found)[1].difference == Difference::Values);
  CHECK((*found)[1].detail.starts_with("[2]: 2 against 3"));
}

}  // namespace rulec::diff_test
