// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/neighbours.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "tools/rulec/checksum_file.h"
#include "tools/rulec/durable.h"
#include "tools/rulec/messages.h"
#include "tools/rulec/sides.h"

namespace rulec::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view Hf = "hf";
constexpr std::string_view HfConfig = "config.json";
constexpr std::string_view MaxTextConfig = "maxtext.yml";

constexpr std::array<std::string_view, 7> CarriedNames = {
    HfConfig,     "generation_config.json", "special_tokens_map.json", "merges.txt",
    "vocab.json", "added_tokens.json",      "preprocessor_config.json"};

bool is_carried(const std::string& name) {
  return std::ranges::count(CarriedNames, name) != 0 || name.starts_with("tokenizer") ||
         name.starts_with("chat_template") || name.ends_with(".model");
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

Status copy(const fs::path& from, const fs::path& to, Diagnostics& diags) {
  if (!copy_durably(from, to, diags)) return diags.failed();
  spdlog::debug("copied {}", from.string());
  return Done{};
}

/// Whether a link leads where a downloaded folder has no business: out of itself, and not to the files of Hugging
/// Face's cache, `blobs` beside `snapshots/<revision>`.
bool leads_out(const fs::path& folder, const fs::path& file) {
  std::error_code error;
  const fs::path home = fs::canonical(folder, error);
  const fs::path target = fs::canonical(file, error).parent_path();
  if (error) return true;
  const auto is_below = [&](const fs::path& top) { return std::ranges::mismatch(top, target).in1 == top.end(); };
  return !is_below(home) && !is_below(home.parent_path().parent_path() / "blobs");
}

/// What transformers calls it.
std::string_view config_word(DType dtype) {
  switch (dtype) {
    case DType::Bf16:
      return "bfloat16";
    case DType::F16:
      return "float16";
    case DType::F32:
      return "float32";
    default:
      return {};
  }
}

/// Has a config and those within it (`text_config`) name the type; false if they do already.
bool set_dtype(nlohmann::ordered_json& config, std::string_view word) {
  bool is_changed = false;
  for (auto& [key, value] : config.items()) {
    const bool is_said = (key == "dtype" || key == "torch_dtype") && value.is_string() && value != word;
    if (is_said) value = word;
    is_changed |= is_said || (value.is_object() && set_dtype(value, word));
  }
  return is_changed;
}

/// A config.json that says what the weights are, or nothing if it does already.
std::optional<std::string> corrected_config(const fs::path& path, const MadeWeights& weights) {
  std::ifstream in(path, std::ios::binary);
  nlohmann::ordered_json config = nlohmann::ordered_json::parse(in, nullptr, false);
  if (!config.is_object()) return std::nullopt;
  bool is_changed = !weights.is_quantized && config.erase("quantization_config") > 0;
  if (const std::string_view word = weights.dtype ? config_word(*weights.dtype) : ""; !word.empty())
    is_changed |= set_dtype(config, word);
  return is_changed ? std::optional(config.dump(2) + "\n") : std::nullopt;
}

std::vector<fs::path> carried_files(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!is_carried(at->path().filename().string()) || !is_file(at->path())) continue;
    if (leads_out(folder, at->path())) {
      spdlog::warn("{} is left behind: it is a link out of its folder", at->path().string());
      continue;
    }
    out.push_back(at->path());
  }
  std::ranges::sort(out);
  return out;
}

/// Where files may lie: in the folder itself, and for the item or the step of an Orbax checkpoint in those above it, up
/// to the folder that holds the steps.
std::vector<fs::path> levels(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> out = {folder};
  fs::path level = fs::weakly_canonical(folder, error);
  for (const std::string_view mark : {"_METADATA", "_CHECKPOINT_METADATA"}) {
    if (error || !is_file(level / mark)) continue;
    level = level.parent_path();
    out.push_back(level);
  }
  return out;
}

}  // namespace

Result<Neighbours> find_neighbours(const fs::path& path, Diagnostics& diags) {
  Neighbours out;
  std::error_code error;
  out.folder = fs::is_directory(path, error) ? path : path.parent_path();
  if (out.folder.empty()) out.folder = ".";
  for (const fs::path& level : levels(out.folder)) {
    for (const fs::path& folder : {level, level / Hf}) {
      if (!out.hf_folder.empty() || !is_file(folder / HfConfig)) continue;
      out.hf_folder = folder;
      out.configs.emplace(Hf, folder / HfConfig);
    }
    if (!out.checksums && is_file(level / ChecksumsName)) out.checksums = level / ChecksumsName;
    if (is_file(level / MaxTextConfig)) out.configs.emplace(MaxText, level / MaxTextConfig);
    if (out.record) continue;
    Result<std::optional<Record>> record = read_record(level, diags);
    if (!record) return diags.failed();
    out.record = *std::move(record);
  }
  return out;
}

std::optional<std::string> model_type(const fs::path& config) {
  std::ifstream in(config, std::ios::binary);
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object() || !json.contains("model_type") || !json["model_type"].is_string()) return std::nullopt;
  return json["model_type"].get<std::string>();
}

Status carry_over(const Neighbours& source, const std::string& to, const MadeWeights& weights, const fs::path& target,
                  Diagnostics& diags) {
  std::error_code error;
  const fs::path into = to == Hf ? target : target / Hf;
  const std::vector<fs::path> files =
      source.hf_folder.empty() ? std::vector<fs::path>() : carried_files(source.hf_folder);
  if (!files.empty()) fs::create_directory(into, error);
  if (error) return report(diags, FilePlace{into.string(), {}}, diag::CannotWrite, into.string(), error.message());
  for (const fs::path& file : files) {
    const std::optional<std::string> corrected =
        to == Hf && file.filename() == HfConfig ? corrected_config(file, weights) : std::nullopt;
    const bool is_there = corrected ? static_cast<bool>(write_durably(into / HfConfig, *corrected, diags))
                                    : static_cast<bool>(copy(file, into / file.filename(), diags));
    if (!is_there) return diags.failed();
  }
  if (!files.empty() && !sync_folder(into, diags)) return diags.failed();
  const auto yml = source.configs.find(std::string(MaxText));
  if (yml == source.configs.end()) return Done{};
  return copy(yml->second, target / MaxTextConfig, diags);
}

}  // namespace rulec::cli
