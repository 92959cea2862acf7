// SPDX-License-Identifier: Apache-2.0
// Converts tensors that are already in memory, with the installed package alone: Gemma 2 to MaxText and back.
#include <rulec/rulec.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr const char* Config =
    R"({"model_type": "gemma2", "torch_dtype": "bfloat16", "num_hidden_layers": 2, "hidden_size": 12,
  "intermediate_size": 20, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "query_pre_attn_scalar": 6,
  "vocab_size": 32})";

int fail(const rulec::Diagnostics& diags) {
  std::fputs(rulec::render_text(diags).c_str(), stderr);
  return 1;
}

// Some bfloat16 numbers from 0.0078 to 2: enough to see a tensor that moved wrongly.
std::vector<std::byte> numbers(std::size_t bytes, std::size_t salt) {
  std::vector<std::byte> out(bytes);
  for (std::size_t k = 0; k + 1 < bytes; k += 2) {
    const std::size_t bits = 0x3C00 + (salt * 131 + k * 7) % 0x400;
    out[k] = static_cast<std::byte>(bits & 0xFF);
    out[k + 1] = static_cast<std::byte>(bits >> 8);
  }
  return out;
}

}  // namespace

int main() {
  std::ofstream("config.json") << Config;
  rulec::Diagnostics diags;
  const auto pack = rulec::load_pack("gemma2", diags);
  if (!pack) return fail(diags);
  const auto model =
      rulec::bind(*pack, {.options = {}, .configs = {{"hf", "config.json"}}, .preset = {}, .checkpoints = {}}, diags);
  if (!model) return fail(diags);
  for (const rulec::Correspondence& c : model->correspondences()) {
    std::printf("%s %s <-> %s %s\n", c.left.c_str(), rulec::to_string(c.left_shape).c_str(), c.right.c_str(),
                rulec::to_string(c.right_shape).c_str());
  }

  rulec::MemoryStore hf;
  rulec::MemoryStore maxtext;
  rulec::MemoryStore back;
  for (const rulec::TensorInfo& tensor : model->tensors("hf"))
    hf.put(tensor, numbers(tensor.bytes(), hf.tensors().size()));
  rulec::ConvertOptions options;
  options.dtype = rulec::DType::F32;  // room for what the hooks round, so that every bit comes back
  if (!rulec::convert(*model, "maxtext", hf, maxtext, options, diags)) return fail(diags);
  options.dtype = rulec::DType::Bf16;
  if (!rulec::convert(*model, "hf", maxtext, back, options, diags)) return fail(diags);

  std::size_t same = 0;
  for (const rulec::TensorInfo& tensor : hf.tensors()) {
    if (std::ranges::equal(hf.bytes(tensor.name), back.bytes(tensor.name))) ++same;
  }
  std::printf("%zu of %zu tensors came back, every bit\n", same, hf.tensors().size());
  return same == hf.tensors().size() && same > 0 ? 0 : 1;
}
