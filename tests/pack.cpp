// SPDX-License-Identifier: Apache-2.0
// What elaboration makes of rules, where golden cases do not show it: places, pieces, constants.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "tests/elaborated.h"
#include "tests/scratch.h"

namespace rulec::pack_test {

TEST_CASE("a family knows the header of the block around it") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let X = 2
block inner() { d : [X] -> d }
w : [X] -> v
a -> b {
  w : [X] -> v
  b.c -> <"x"> {
    c : [X] -> c
    use inner()
  }
  e : [X] -> e
}
)");
  REQUIRE(made.pack);
  std::vector<std::string_view> blocks;
  for (const Family& family : made.pack->families)
    blocks.push_back(family.block ? made.diags->sources().text(*family.block) : "none");
  CHECK(blocks == std::vector<std::string_view>{"none", "a -> b", "b.c -> <\"x\">", "b.c -> <\"x\">", "a -> b"});
}

TEST_CASE("a tensor without a cell has a shape and pieces like others") {
  const testing::Elaborated made =
      testing::elaborate_text("let X = 0, Y = 3, Z = 2\na : [X Y] -> b : [Y X]\nc : [Z (X + Y)] -> d : [((X + Y) Z)]");
  REQUIRE(made.pack);
  CHECK(made.pack->tensors[0][0].shape == Shape{0, 3});
  CHECK(made.pack->tensors[1][0].shape == Shape{3, 0});
  CHECK(made.pack->tensors[1][1].shape == Shape{6});
  CHECK(made.pack->pieces.size() == 3);
}

TEST_CASE("a tensor argument is laid out for the instance that reads it") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let X = 4
hook h(s) = mul(s)
for e in 0..2 {
  for i in 0..e + 1 { a.<e>.<i> : [X] <= b.<e>.<i> : [X] | h(s.<e> : [X i]) }
}
)");
  REQUIRE(made.pack);
  std::vector<std::int64_t> strides;
  for (const Piece& piece : made.pack->pieces) strides.push_back(piece.operands.front().axes.front().stride);
  CHECK(strides == std::vector<std::int64_t>{1, 2, 2});
}

TEST_CASE("a side takes the other's shape without the indices that its own path prints, whichever came first") {
  for (const std::string_view order : {"0..2", "{b = 1, a = 0}"}) {
    CAPTURE(order);
    const testing::Elaborated made = testing::elaborate_text(fmt::format(R"(
let D = 4, L = 3
path p(k, i) = when k == 0: stacked
               else:        single.<i>
for k in {}, i in 0..L {{ p(k, i).w -> <k + 0>.w : [i D] }}
)",
                                                                         order));
    REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
    CHECK(made.pack->tensors[0].back().name == "stacked.w");
    CHECK(made.pack->tensors[0].back().shape == Shape{3, 4});
    for (std::size_t t = 0; t < 3; ++t) CHECK(made.pack->tensors[0][t].shape == Shape{4});
  }
}

TEST_CASE("without shapes each name has what is stored of it") {
  testing::Given given;
  const std::vector<TensorInfo> stored{{"b.1.w", DType::F32, {4}}, {"b.2.w", DType::F32, {5}}};
  given.catalogues[number(SideId::Right)] = stored;
  const testing::Elaborated made = testing::elaborate_text("for i in 0..3 { a.<i>.w -> b.<i>.w }", given);
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  CHECK_FALSE(made.pack->tensors[0][0].shape_known);
  CHECK(made.pack->tensors[0][1].shape == Shape{4});
  CHECK(made.pack->tensors[0][2].shape == Shape{5});
}

TEST_CASE("what a guard leaves out has a length and no family") {
  const testing::Elaborated made = testing::elaborate_text(R"(
let X = 2
for i in 0..3 when i == 5 { a : [i X] -> b.<i> : [X] }
for i in 0..2 { a : [i X] -> c.<i> : [X] }
)");
  REQUIRE(made.pack);
  CHECK(made.pack->families.size() == 1);
  CHECK(made.pack->tensors[0].front().shape == Shape{3, 2});
}

TEST_CASE("labels keep their numbers") {
  const testing::Elaborated made =
      testing::elaborate_text("let X = 2\nfor k in {a = 7, b, c = 2} { x.<k> : [X] -> y.<k + 0> : [X] }");
  REQUIRE(made.pack);
  const FamilyIndex& index = made.pack->families.front().indices.front();
  CHECK(index.text(7) == "a");
  CHECK(index.text(8) == "b");
  CHECK(index.text(2) == "c");
  CHECK(index.text(0) == "0");
}

TEST_CASE("GPT-OSS reads 4-bit experts with the exponents of their blocks") {
  const testing::Scratch folder;
  testing::Given given;
  given.configs[number(SideId::Right)] = folder.write("config.json", R"({
  "num_hidden_layers": 4, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 2,
  "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 10, "num_local_experts": 3, "tie_word_embeddings": false,
  "quantization_config": {"quant_method": "mxfp4"}
})");
  given.options["weights_are"] = Value(std::string("mxfp4"));
  const testing::Elaborated made = testing::elaborate_pack("gpt_oss", given);
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  const Pack& pack = *made.pack;
  const auto blocks = pack.find(SideId::Right, "model.layers.3.mlp.experts.gate_up_proj_blocks");
  const auto scales = pack.find(SideId::Right, "model.layers.3.mlp.experts.gate_up_proj_scales");
  REQUIRE(blocks);
  REQUIRE(scales);
  CHECK(pack.tensors[1][*blocks].shape == Shape{3, 192, 2, 16});
  CHECK(pack.tensors[1][*scales].shape == Shape{3, 192, 2});
  int pieces = 0;
  for (const Piece& piece : pack.pieces) {
    if (piece.operands.empty() || piece.operands.front().tensor != *scales) continue;
    ++pieces;
    CHECK(piece.tensor[1] == static_cast<std::int32_t>(*blocks));
    const std::vector<Pipeline>& operands = pack.numbers[pack.forms[piece.form].numbers].operands;
    REQUIRE(operands.size() == 1);
    CHECK(to_string(operands.front()) == "cast(f32) | sub(127) | exp2");
  }
  CHECK(pieces == 4);  // two nibbles each of gate and up
}

TEST_CASE("DeepSeek V4 says how its layers compress by ratios, by types, or not at all") {
  struct Row {
    std::string_view says;
    std::vector<std::int64_t> ratios;
  };
  const Row rows[] = {
      {R"("compress_ratios": [128, 0, 0, 4],)", {128, 0, 0, 4}},
      {R"("layer_types": ["heavily_compressed_attention", "sliding_attention", "sliding_attention",
                          "compressed_sparse_attention"],)",
       {128, 0, 0, 4}},
      {"", {0, 0, 4, 128}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    const testing::Scratch folder;
    testing::Given given;
    given.configs[number(SideId::Right)] = folder.write("config.json", fmt::format(R"({{ {}
  "num_hidden_layers": 4, "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
  "vocab_size": 10, "n_routed_experts": 2, "moe_intermediate_size": 6, "n_shared_experts": 1, "num_experts_per_tok": 2,
  "q_lora_rank": 5, "o_groups": 2, "o_lora_rank": 3, "hc_mult": 2, "index_n_heads": 2, "index_head_dim": 4
}})",
                                                                                   row.says));
    given.options["scan_layers"] = Value(false);
    const testing::Elaborated made = testing::elaborate_pack("deepseek4", given);
    REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
    std::vector<std::int64_t> ratios;
    for (std::size_t i = 0; i < row.ratios.size(); ++i) {
      const auto ape = made.pack->find(SideId::Right, fmt::format("layers.{}.attn.compressor.ape", i));
      ratios.push_back(ape ? made.pack->tensors[number(SideId::Right)][*ape].shape.front() : 0);
    }
    CHECK(ratios == row.ratios);
  }
}

}  // namespace rulec::pack_test
