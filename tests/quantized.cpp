// SPDX-License-Identifier: Apache-2.0
// Packs that read weights in few bits: the names that published checkpoints have, and what comes out of one.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/check/check.h"
#include "engine/store/tensor_list.h"
#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "engine/trial/random_model.h"
#include "tests/elaborated.h"
#include "tests/scratch.h"

#include <rulec/rulec.h>

namespace rulec::quantized_test {

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What MaxText is to have of a file of vectors, and what was found of its weights.
MemoryStore to_maxtext(const RulePack& pack, const fs::path& folder, const char* file, const std::string& weights_are) {
  Diagnostics diags;
  const Result<std::unique_ptr<TensorStore>> source = open_store(folder / file, diags);
  REQUIRE_MESSAGE(source, render_text(diags));
  BindOptions options;
  options.configs["hf"] = folder / "config.json";
  options.checkpoints["hf"] = source->get();
  const Result<Model> model = bind(pack, options, diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  CHECK(model->options()["weights_are"] == weights_are);
  MemoryStore made;
  REQUIRE_MESSAGE(convert(*model, "maxtext", **source, made, {}, diags), render_text(diags));
  return made;
}

}  // namespace

TEST_CASE("weights in few bits are what transformers and compressed-tensors make of them") {
  struct Row {
    const char* pack;
    const char* format;
  };
  for (const Row& row : {Row{"gpt_oss", "mxfp4"}, Row{"deepseek", "fp8"}, Row{"deepseek", "int4"}}) {
    CAPTURE(row.format);
    Diagnostics diags;
    const Result<RulePack> pack = load_pack(row.pack, diags);
    REQUIRE_MESSAGE(pack, render_text(diags));
    const fs::path folder = fs::path(RULEC_TESTS_DIR) / "data/quantized" / row.format;
    const MemoryStore made = to_maxtext(*pack, folder, "few_bits.safetensors", row.format);
    const MemoryStore theirs = to_maxtext(*pack, folder, "bf16.safetensors", "bf16");
    REQUIRE(made.tensors().size() == theirs.tensors().size());
    for (std::size_t i = 0; i < made.tensors().size(); ++i) {
      const TensorInfo& info = theirs.tensors()[i];
      CAPTURE(info.name);
      REQUIRE(made.tensors()[i] == info);
      CHECK(std::ranges::equal(made.bytes(info.name), theirs.bytes(info.name)));
    }
  }
}

TEST_CASE("fp8 weights have the names and the grids of scales that transformers gives them") {
  struct Row {
    const char* pack;
    const char* model;
  };
  for (const Row& row : {Row{"deepseek", "deepseek3-671b"}, Row{"qwen", "qwen3-30b-a3b"}, Row{"qwen", "qwen3-8b"},
                         Row{"qwen3_next", "qwen3-next-80b-a3b"}, Row{"qwen3_vl", "qwen3-vl-4b"}}) {
    CAPTURE(row.model);
    const fs::path preset = fs::path(RULEC_TESTS_DIR) / "../rules" / row.pack / "presets" / row.model;
    testing::Given given;
    given.configs[number(SideId::Right)] = preset / "config.json";
    given.options["weights_are"] = Value(std::string("fp8"));
    given.options["scan_layers"] = Value(false);  // which names of Hugging Face do not depend on
    const testing::Elaborated made = testing::elaborate_pack(row.pack, given);
    REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
    const fs::path path = fs::path(RULEC_TESTS_DIR) / "data/quantized" / (std::string(row.model) + ".tensors");
    const auto list = parse_tensor_list(made.diags->sources().add(path.string(), text_of(path)), *made.diags);
    REQUIRE(list);
    (void)check_catalogue(*made.pack, SideId::Right, *list, path.string(), std::nullopt, *made.diags);
    CHECK_MESSAGE(made.diags->all().empty(), render_text(*made.diags));
  }
}

TEST_CASE("a checkpoint in fp8 is known by its names and comes out in bfloat16") {
  constexpr std::int64_t D = 5;
  constexpr std::int64_t H = 3;
  constexpr std::int64_t B = 2;
  const testing::Scratch scratch;
  const fs::path config = scratch.write("config.json", R"({"model_type": "qwen3", "num_hidden_layers": 1,
    "hidden_size": 5, "intermediate_size": 7, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 3,
    "vocab_size": 4, "tie_word_embeddings": true, "quantization_config": {"weight_block_size": [2, 2]}})");
  std::mt19937 random(1);
  MemoryStore hf;
  const auto put = [&](const std::string& name, DType dtype, const Shape& shape) {
    std::vector<double> numbers(static_cast<std::size_t>(*cells(shape)));
    for (double& number : numbers) number = static_cast<double>(random() % 31) / 4 - 3;
    hf.put({name, dtype, shape}, encode(numbers, dtype));
  };
  const auto put_fp8 = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    put(name + ".weight_scale_inv", DType::F32, {(rows + B - 1) / B, (columns + B - 1) / B});
    put(name + ".weight", DType::F8E4M3, {rows, columns});
  };
  const std::string layer = "model.layers.0.";
  put("model.embed_tokens.weight", DType::Bf16, {4, D});
  put("model.norm.weight", DType::Bf16, {D});
  for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
    put(layer + norm + ".weight", DType::Bf16, {D});
  for (const char* norm : {"q_norm", "k_norm"}) put(layer + "self_attn." + norm + ".weight", DType::Bf16, {H});
  put_fp8(layer + "self_attn.q_proj", 2 * H, D);
  put_fp8(layer + "self_attn.k_proj", H, D);
  put_fp8(layer + "self_attn.v_proj", H, D);
  put_fp8(layer + "self_attn.o_proj", D, 2 * H);
  put_fp8(layer + "mlp.gate_proj", 7, D);
  put_fp8(layer + "mlp.up_proj", 7, D);
  put_fp8(layer + "mlp.down_proj", D, 7);

  Diagnostics diags;
  const Result<RulePack> pack = load_pack("qwen", diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  BindOptions options;
  options.configs["hf"] = config;
  options.options["scan_layers"] = "false";
  options.checkpoints["hf"] = &hf;
  const Result<Model> model = bind(*pack, options, diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  CHECK(model->options()["weights_are"] == "fp8");
  MemoryStore maxtext;
  REQUIRE_MESSAGE(convert(*model, "maxtext", hf, maxtext, {}, diags), render_text(diags));

  MemoryStore back;
  CHECK_FALSE(convert(*model, "hf", maxtext, back, {}, diags));
  CHECK_MESSAGE(render_text(diags).find("error[R0616 unwritten-target]: 14 tensors of `hf` would not be written") !=
                    std::string::npos,
                render_text(diags));

  // What lies beside it says that it was made of fp8. Names at hand know better: these are of bfloat16.
  BindOptions beside = options;
  beside.claims.push_back({"weights_are", "fp8", "rulec.json"});
  beside.checkpoints["maxtext"] = &maxtext;
  const Result<Model> of_fp8 = bind(*pack, beside, diags);
  REQUIRE_MESSAGE(of_fp8, render_text(diags));
  CHECK(of_fp8->options()["weights_are"] == "fp8");
  MemoryStore plain;
  for (const TensorInfo& info : hf.tensors()) {
    if (info.name.ends_with("_scale_inv")) continue;
    plain.put({info.name, DType::Bf16, info.shape},
              std::vector<std::byte>(2 * static_cast<std::size_t>(*cells(info.shape))));
  }
  beside.checkpoints["hf"] = &plain;
  const Result<Model> of_plain = bind(*pack, beside, diags);
  REQUIRE_MESSAGE(of_plain, render_text(diags));
  CHECK(of_plain->options()["weights_are"] == "bf16");

  const auto numbers_of = [&](const MemoryStore& store, const std::string& name) {
    const std::size_t at = *find_tensor(store.tensors(), name);
    const TensorInfo& info = store.tensors()[at];
    std::vector<std::byte> bytes(*byte_size(info.dtype, info.shape));
    REQUIRE(store.read(at, 0, bytes, diags));
    std::vector<double> numbers;
    const std::size_t size = element_bytes(info.dtype);
    for (std::size_t i = 0; i < bytes.size(); i += size)
      numbers.push_back(to_double(info.dtype, std::span(bytes).subspan(i, size)));
    return numbers;
  };
  const std::string weight = layer + "self_attn.q_proj.weight";
  const std::vector<double> stored = numbers_of(hf, weight);
  const std::vector<double> scales = numbers_of(hf, weight + "_scale_inv");
  const std::vector<double> made = numbers_of(maxtext, "decoder.layers_0.self_attention.query.kernel");
  REQUIRE(made.size() == stored.size());
  for (std::int64_t row = 0; row < 2 * H; ++row) {
    for (std::int64_t column = 0; column < D; ++column) {
      const auto at = static_cast<std::size_t>(row * D + column);
      const double exact = stored[at] * scales[static_cast<std::size_t>(row / B * ((D + B - 1) / B) + column / B)];
      CHECK(made[static_cast<std::size_t>(column * 2 * H + row)] == rounded(exact, DType::Bf16));
    }
  }
}

TEST_CASE("the eighth number of mxfp4 is -0") {
  const testing::Scratch scratch;
  Diagnostics diags;
  const Result<RulePack> pack = load_pack(scratch
                                              .write("p.rules", R"(pack p : maxtext -> hf
import "<rulec>/common/decoder.rules"
import "<rulec>/common/quantized.rules"
let X = 1
for n in 0..2 { w : [(X n)] <= w : [X] | fp4(n, s : [X] | e8m0) }
)")
                                              .string(),
                                          diags);
  REQUIRE_MESSAGE(pack, render_text(diags));
  const Result<Model> model = bind(*pack, {}, diags);
  REQUIRE_MESSAGE(model, render_text(diags));
  MemoryStore hf;
  hf.put({"w", DType::U8, {1}}, encode({0x98}, DType::U8));
  hf.put({"s", DType::U8, {1}}, encode({127}, DType::U8));
  MemoryStore maxtext;
  REQUIRE_MESSAGE(convert(*model, "maxtext", hf, maxtext, {}, diags), render_text(diags));
  const std::span<const std::byte> bytes = maxtext.bytes("w");
  CHECK(std::vector(bytes.begin(), bytes.end()) ==
        std::vector{std::byte{0x00}, std::byte{0x80}, std::byte{0x00}, std::byte{0xbf}});  // -0, -0.5 in bfloat16
}

}  // namespace rulec::quantized_test
