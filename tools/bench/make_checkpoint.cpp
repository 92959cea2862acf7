// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint of Hugging Face's side of a pack with seeded random numbers, of a preset's shapes or of smaller
// ones.
#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>
#include <vector>

#include <rulec/rulec.h>

#include "tools/rulec/arguments.h"

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using namespace rulec;

// Sizes that a scale divides; the number of heads and what follows from it stays.
constexpr std::array ScaledKeys = {"hidden_size", "intermediate_size", "vocab_size", "head_dim",
                                   "query_pre_attn_scalar"};
constexpr double Sigma = 0.02;  // initializer_range of most models
constexpr std::size_t ChunkBytes = 1 << 20;

struct Arguments {
  std::string config;
  std::string folder;
  std::string pack = "gemma2";
  std::string side = "hf";
  std::string dtype = "bf16";
  std::string max_shard_size = "5GB";
  std::int64_t layers = 0;
  std::int64_t scale = 1;
  std::uint64_t seed = 1;
};

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine.
std::uint64_t next(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// Normal numbers by quantile, 4096 steps: a table is fast and needs no libm that differs between machines in a loop.
std::vector<float> normal_table() {
  std::vector<float> out;
  double x = -3.5;
  double below = 0.5 * std::erfc(3.5 / std::numbers::sqrt2);
  for (int k = 0; k < 4096; ++k) {
    const double wanted = (k + 0.5) / 4096;
    while (below < wanted && x < 3.5) below = 0.5 * std::erfc(-(x += 1e-3) / std::numbers::sqrt2);
    // Weights are hardly ever as small as what 1 + x in float32 cannot hold, below 2^-16.
    out.push_back(static_cast<float>(Sigma * (std::abs(x) < 5e-3 ? std::copysign(5e-3, x) : x)));
  }
  return out;
}

// Fills `bytes` with normal numbers; low bits are random too, so that float32 is not a disguised bfloat16.
void fill(std::span<std::byte> bytes, DType dtype, const std::vector<float>& table, std::uint64_t& state) {
  const std::size_t width = dtype == DType::F32 ? 4 : 2;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    const std::uint64_t random = next(state);
    const auto base = std::bit_cast<std::uint32_t>(table[random >> 52]);
    const auto bits = base ^ static_cast<std::uint32_t>(random & 0xFFFF);
    const auto half = static_cast<std::uint16_t>(base >> 16 ^ (random & 0xF));
    std::memcpy(bytes.data() + at, width == 4 ? static_cast<const void*>(&bits) : &half, width);
  }
}

// The preset's config.json with fewer layers and smaller sizes.
Json shrunk_config(const Arguments& args) {
  std::ifstream in(args.config);
  Json config = Json::parse(in);
  if (args.layers > 0) config["num_hidden_layers"] = args.layers;
  for (const char* key : ScaledKeys) {
    if (config.contains(key)) config[key] = std::max<std::int64_t>(2, config[key].get<std::int64_t>() / args.scale);
  }
  config.erase("dtype");
  config["torch_dtype"] = args.dtype == "f32" ? "float32" : "bfloat16";
  return config;
}

Status write(const Arguments& args, Diagnostics& diags) {
  fs::create_directories(args.folder);
  const fs::path config = fs::path(args.folder) / "config.json";
  std::ofstream(config) << shrunk_config(args).dump(2) << '\n';
  const Result<RulePack> pack = load_pack(args.pack, diags);
  if (!pack) return diags.failed();
  BindOptions options;
  options.configs["hf"] = config;
  const Result<Model> model = bind(*pack, options, diags);
  if (!model) return diags.failed();
  std::vector<TensorInfo> tensors = model->tensors(args.side);
  for (TensorInfo& tensor : tensors) tensor.dtype = *find_dtype(args.dtype);
  const auto sink =
      safetensors_sink(args.folder, {.max_shard_bytes = cli::parse_bytes(args.max_shard_size).value_or(5'000'000'000)});
  if (!sink->begin(tensors, diags)) return diags.failed();
  const std::vector<float> table = normal_table();
  std::uint64_t state = args.seed;
  std::vector<std::byte> chunk(ChunkBytes);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    for (std::uint64_t at = 0; at < tensors[k].bytes(); at += ChunkBytes) {
      const std::span part = std::span(chunk).first(std::min<std::uint64_t>(ChunkBytes, tensors[k].bytes() - at));
      fill(part, tensors[k].dtype, table, state);
      if (!sink->write(k, at, part, diags)) return diags.failed();
    }
  }
  return sink->commit(diags);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments args;
  CLI::App app("Writes a checkpoint of random numbers, normal with sigma 0.02", "make_checkpoint");
  app.add_option("CONFIG", args.config, "A config.json, such as rules/gemma2/presets/gemma2-2b/config.json")
      ->required();
  app.add_option("DST", args.folder, "The folder to make")->required();
  app.add_option("--pack", args.pack, "gemma2 unless given");
  app.add_option("--dtype", args.dtype, "bf16 unless given")->check(CLI::IsMember({"bf16", "f32"}));
  app.add_option("--layers", args.layers, "Layers instead of the config's");
  app.add_option("--scale", args.scale, "Divides the sizes of the config")->check(CLI::PositiveNumber);
  app.add_option("--max-shard-size", args.max_shard_size, "5GB unless given");
  app.add_option("--seed", args.seed, "1 unless given");
  CLI11_PARSE(app, argc, argv);
  try {
    Diagnostics diags;
    const Status written = write(args, diags);
    std::fputs(render_text(diags).c_str(), stderr);
    return written ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "make_checkpoint: {}\n", error.what());
    return 1;
  }
}
