// SPDX-License-Identifier: Apache-2.0
// Sizes and layouts without a config: a checkpoint's names and shapes tell them, however many layers and experts it
// has.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/scratch.h"

#include <rulec/rulec.h>

namespace rulec::solve_test {
namespace {

/// A checkpoint that has names and shapes only.
class Catalogue final : public TensorStore {
 public:
  explicit Catalogue(std::vector<TensorInfo> tensors) : tensors_(std::move(tensors)) {}
  std::span<const TensorInfo> tensors() const override { return tensors_; }
  Status read(std::size_t, std::uint64_t, std::span<std::byte>, Diagnostics&) const override { return Done{}; }
  std::string_view where() const override { return "checkpoint"; }

 private:
  std::vector<TensorInfo> tensors_;
};

constexpr std::string_view Head = R"(pack moe : maxtext -> hf
config hf { L = num_hidden_layers
  E = num_experts
  D = hidden_size
  F = intermediate_size
  first = first_k_dense_replace }
option scan_layers : bool = true
option scan_axis : int = 1
)";

/// Layers in pairs whose number stands behind a `let`, experts in a block whose parameter has another name.
constexpr std::string_view Pairs = R"(
let Half = L / 2
path layer(i) = when scan_layers: layers[i @ scan_axis]
                else:             layers_<i>
block experts(count) {
  for e in 0..count {
    wi : [e D F] -> experts.<e>.up.weight : [F D]
    wo : [e F D] -> experts.<e>.down.weight : [D F]
  }
}
for i in 0..Half, kind in {a, b} {
  layer(i).<kind> -> model.layers.<2i + kind> {
    norm : [D] -> norm.weight
    use experts(E)
  }
}
)";

/// Some dense layers before the others.
constexpr std::string_view DenseFirst = R"(
for i in 0..first { dense_<i>.wi : [D F] -> model.layers.<i>.mlp.up.weight : [F D] }
for i in first..L, e in 0..E { moe_<i>.wi : [e D F] -> model.layers.<i>.mlp.<e>.weight : [F D] }
)";

struct Solved {
  std::vector<TensorInfo> expected;
  std::vector<TensorInfo> found;
  std::string decisions;
  std::string messages;
};

/// Binds a pack to a config, takes the names and shapes of one side, and binds it to these alone.
Solved solve(std::string_view rules, std::string_view side, const std::string& config,
             const std::map<std::string, std::string>& options = {}) {
  const testing::Scratch scratch;
  Diagnostics diags;
  const Result<RulePack> pack = load_pack(scratch.write("moe.rules", std::string(Head).append(rules)).string(), diags);
  REQUIRE(pack);
  BindOptions given;
  given.options = options;
  given.configs["hf"] = scratch.write("config.json", config);
  const Result<Model> model = bind(*pack, given, diags);
  INFO(render_text(diags));
  REQUIRE(model);
  Solved solved;
  solved.expected = model->tensors(side);

  const Catalogue catalogue(solved.expected);
  BindOptions alone;
  alone.checkpoints[std::string(side)] = &catalogue;
  Diagnostics told;
  const Result<Model> found = bind(*pack, alone, told);
  solved.messages = render_text(told);
  if (!found) return solved;
  solved.found = found->tensors(side);
  for (const std::string& decision : found->decisions()) solved.decisions += decision + "\n";
  return solved;
}

constexpr const char* Large =
    R"({"num_hidden_layers": 60, "num_experts": 128, "hidden_size": 24, "intermediate_size": 10,
        "first_k_dense_replace": 3})";
constexpr const char* Small =
    R"({"num_hidden_layers": 4, "num_experts": 3, "hidden_size": 24, "intermediate_size": 10,
        "first_k_dense_replace": 1})";

}  // namespace

TEST_CASE("Layers and experts are counted in names, whatever their product") {
  const auto begin = std::chrono::steady_clock::now();
  const Solved solved = solve(Pairs, "hf", Large);
  CAPTURE(solved.messages);
  CHECK(solved.found == solved.expected);
  CHECK(solved.decisions == "sizes solved from the stored names and shapes: D = 24, E = 128, F = 10, L = 60\n");
  // It takes a second or two; to try all pairs of lengths took hours.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(100));
}

TEST_CASE("Stacked layers and experts are counted in shapes") {
  for (const char* config : {Small, Large}) {
    const Solved solved = solve(Pairs, "maxtext", config);
    CAPTURE(solved.messages);
    CHECK(solved.found == solved.expected);
    CHECK(solved.decisions.find(config == Small ? "E = 3, F = 10, L = 4" : "E = 128, F = 10, L = 60") !=
          std::string::npos);
  }
}

TEST_CASE("The layout is found with the sizes") {
  for (const char* axis : {"0", "1", "2"}) {
    const Solved solved = solve(Pairs, "maxtext", Small, {{"scan_axis", axis}});
    CAPTURE(axis);
    CAPTURE(solved.messages);
    CAPTURE(solved.decisions);
    CHECK(solved.found == solved.expected);
    const std::string said = std::string("scan_axis is ") + axis;
    CHECK((solved.decisions.find(said) != std::string::npos) == (std::string_view(axis) != "1"));
  }
  const Solved flat = solve(Pairs, "maxtext", Small, {{"scan_layers", "false"}});
  CAPTURE(flat.messages);
  CHECK(flat.found == flat.expected);
  CHECK(flat.decisions.find("scan_layers is false: the checkpoint has `layers_0.a.norm`\n") == 0);
}

TEST_CASE("So is where a loop begins") {
  for (const char* config : {Small, Large}) {
    const Solved solved = solve(DenseFirst, "hf", config);
    CAPTURE(solved.messages);
    CAPTURE(solved.decisions);
    CHECK(solved.found == solved.expected);
  }
}

TEST_CASE("Names that an option of texts decides are found") {
  Diagnostics diags;
  const Result<RulePack> pack = load_pack("gemma3", diags);
  REQUIRE(pack);
  for (const char* names : {"published", "transformers", "maxtext"}) {
    BindOptions given;
    given.preset = "gemma3-4b";
    given.options["hf_names"] = names;
    const Result<Model> model = bind(*pack, given, diags);
    REQUIRE_MESSAGE(model, render_text(diags));
    const Catalogue catalogue(model->tensors("hf"));
    BindOptions alone;
    alone.preset = "gemma3-4b";
    alone.checkpoints["hf"] = &catalogue;
    const Result<Model> found = bind(*pack, alone, diags);
    REQUIRE_MESSAGE(found, render_text(diags));
    CHECK(found->options().at("hf_names") == names);
    const bool is_default = std::string_view(names) == "published";
    CHECK(found->decisions().empty() == is_default);
    for (const std::string& decision : found->decisions())
      CHECK_MESSAGE(decision.starts_with(fmt::format("hf_names is \"{}\": the checkpoint has `", names)), decision);
  }
}

TEST_CASE("Names that an option of texts decides are found without a config") {
  Diagnostics diags;
  const Result<RulePack> pack = load_pack("gemma1", diags);
  REQUIRE(pack);
  for (const char* release : {"hf", "flax-2b", "flax-7b"}) {
    BindOptions given;
    given.preset = std::string_view(release) == "flax-7b" ? "gemma-7b" : "gemma-2b";
    given.options["release"] = release;
    const Result<Model> model = bind(*pack, given, diags);
    REQUIRE_MESSAGE(model, render_text(diags));
    const Catalogue catalogue(model->tensors("hf"));
    BindOptions alone;
    alone.checkpoints["hf"] = &catalogue;
    const Result<Model> found = bind(*pack, alone, diags);
    REQUIRE_MESSAGE(found, render_text(diags));
    CHECK(found->options().at("release") == release);
    CHECK(found->tensors("hf").size() == catalogue.tensors().size());
    const Result<std::vector<Fit>> fits = fitting_packs(catalogue, {}, diags);
    REQUIRE_MESSAGE(fits, render_text(diags));
    REQUIRE(fits->size() == 1);
    CHECK(fits->front().pack == "gemma1");
    CHECK(fits->front().is_full());
  }
}

TEST_CASE("A model of many sizes is found without a config") {
  Diagnostics diags;
  const Result<RulePack> pack = load_pack("qwen3_omni", diags);  // 32 of them
  REQUIRE(pack);
  BindOptions given;
  given.preset = "qwen3-omni-30b-a3b";
  const Result<Model> model = bind(*pack, given, diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  const Catalogue catalogue(model->tensors("maxtext"));
  const Result<std::vector<Fit>> fits = fitting_packs(catalogue, {}, diags);
  REQUIRE_MESSAGE(fits, render_text(diags));
  REQUIRE(!fits->empty());
  CHECK(fits->front().pack == "qwen3_omni");
  CHECK(fits->front().is_full());
}

TEST_CASE("How MaxText turns the heads of a Llama follows from the configs, its own before Hugging Face's") {
  struct Row {
    std::string model;
    bool has_maxtext;
    std::string rope;
  };
  const Row rows[] = {{"llama2-7b", false, "halves"},   {"llama2-7b", true, "halves"},
                      {"llama3.1-8b", false, "pairs"},  {"llama3.1-8b", true, "pairs"},
                      {"llama3.1-405b", true, "pairs"}, {"mistral-7b", false, "halves"},
                      {"llama3.3-70b", false, "pairs"},   // to be run with rope_type: llama3.1
                      {"llama3.3-70b", true, "halves"}};  // as MaxText runs what has this name
  Diagnostics diags;
  const Result<RulePack> pack = load_pack("llama", diags);
  REQUIRE(pack);
  for (const Row& row : rows) {
    CAPTURE(row.model);
    CAPTURE(row.has_maxtext);
    const std::string preset = RULEC_TESTS_DIR "/../rules/llama/presets/" + row.model;
    BindOptions options;
    options.configs["hf"] = preset + "/config.json";
    if (row.has_maxtext) options.configs["maxtext"] = preset + "/maxtext.yml";
    const Result<Model> model = bind(*pack, options, diags);
    REQUIRE_MESSAGE(model, render_text(diags));
    CHECK(model->options().at("rope") == row.rope);
  }
}

TEST_CASE("Gemma 2 needs no config") {
  Diagnostics diags;
  const Result<RulePack> pack = load_pack("gemma2", diags);
  REQUIRE(pack);
  BindOptions preset;
  preset.preset = "gemma2-2b";
  const Result<Model> model = bind(*pack, preset, diags);
  REQUIRE(model);
  for (const std::string& side : pack->sides()) {
    const Catalogue catalogue(model->tensors(side));
    BindOptions alone;
    alone.checkpoints[side] = &catalogue;
    const Result<Model> found = bind(*pack, alone, diags);
    INFO(render_text(diags));
    REQUIRE(found);
    CHECK(found->tensors(side) == model->tensors(side));
    CHECK(found->decisions() ==
          std::vector<std::string>{"sizes are those of the preset gemma2-2b: every stored name and shape fits"});
  }
}

}  // namespace rulec::solve_test
