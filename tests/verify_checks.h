// SPDX-License-Identifier: Apache-2.0
// Checkpoints of two sides to be held against each other.
#pragma once

#include <rulec/verify.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/rules/rules.h"
#include "engine/trial/random_model.h"

namespace rulec::testing {

/// Layers on the left in one tensor or each in one; a scale that is lossy in 16 bits; a head that is tied.
inline constexpr std::string_view RulesText = R"(pack p : maxtext -> hf
option scan : bool = true
let L = 3, D = 6, F = 10, V = 32
hook scaled = mul(f32(sqrt(D))) reverse mul(f32(1 / sqrt(D)))
embedding : [V D] -> embed.weight | scaled
shared : [V D] -> shared.weight
shared : [V D] => head.weight
path layer(i) = when scan: layers[i @ 1] else: layers_<i>
for i in 0..L {
  layer(i) -> <i> {
    wi : [D F] -> gate : [F D]
  }
}
)";

inline Model model_of(std::string_view text, const BindOptions& options = {}) {
  Diagnostics diags;
  PackFolder nothing;
  nothing.read = [](std::string_view) { return std::nullopt; };
  Result<Rules> rules = load_rules(diags.sources().add("p.rules", std::string(text)), nothing, diags);
  INFO(render_text(diags));
  REQUIRE(rules);
  Result<Model> model = bind(RulePack(std::make_shared<const Rules>(*std::move(rules))), options, diags);
  INFO(render_text(diags));
  REQUIRE(model);
  return *std::move(model);
}

inline MemoryStore random_tensors(const Model& model, SideId side, DType dtype) {
  MemoryStore store;
  add_random_tensors(model.pack(), side, dtype, 7, store);
  return store;
}

inline MemoryStore converted(const Model& model, std::string_view to, const TensorStore& from) {
  Diagnostics diags;
  MemoryStore store;
  const auto report = convert(model, to, from, store, {}, diags);
  INFO(render_text(diags));
  REQUIRE(report);
  return store;
}

/// The two sides of one model, the left made of the right.
struct Sides {
  Model model;
  MemoryStore hf;
  MemoryStore maxtext;
};

inline Sides sides_of(DType dtype, const std::string& scan = "true") {
  BindOptions options;
  options.options["scan"] = scan;
  const Model model = model_of(RulesText, options);
  MemoryStore hf = random_tensors(model, SideId::Right, dtype);
  const auto shared = hf.bytes("shared.weight");
  hf.put({"head.weight", dtype, {32, 6}}, {shared.begin(), shared.end()});
  MemoryStore maxtext = converted(model, "maxtext", hf);
  return {model, std::move(hf), std::move(maxtext)};
}

inline Verification verified(const TensorStore& a, const TensorStore& b, const Model* model,
                             const VerifyOptions& options = {}, Diagnostics* said = nullptr) {
  Diagnostics diags;
  Result<Verification> found = verify(a, b, model, options, diags);
  INFO(render_text(diags));
  REQUIRE(found);
  if (said != nullptr) *said = diags;
  return *std::move(found);
}

inline bool is_same(const Verification& found) {
  return std::ranges::all_of(found.tensors, [](const TensorVerdict& v) { return v.difference == Difference::Same; });
}

inline const TensorVerdict& verdict_of(const Verification& found, std::string_view name) {
  const auto at = std::ranges::find(found.tensors, name, &TensorVerdict::name);
  REQUIRE(at != found.tensors.end());
  return *at;
}

inline std::vector<std::byte> copy_of(const MemoryStore& store, std::string_view name) {
  const auto bytes = store.bytes(name);
  return {bytes.begin(), bytes.end()};
}

inline TensorInfo info_of(const MemoryStore& store, std::string_view name) {
  return store.tensors()[*find_tensor(store.tensors(), name)];
}

inline MemoryStore one(DType dtype, Shape shape, const std::vector<double>& numbers, const std::string& name = "x") {
  MemoryStore store;
  store.put({name, dtype, std::move(shape)}, encode(numbers, dtype));
  return store;
}

inline std::unique_ptr<TensorStore> opened(const std::filesystem::path& path) {
  Diagnostics diags;
  Result<std::unique_ptr<TensorStore>> store = open_store(path, diags);
  INFO(render_text(diags));
  REQUIRE(store);
  return *std::move(store);
}

}  // namespace rulec::testing
