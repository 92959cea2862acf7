// SPDX-License-Identifier: Apache-2.0
// The files that live beside the weights: configs, tokenizer, and what rulec wrote there itself.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

#include "tools/rulec/record.h"

namespace rulec::cli {

struct Neighbours {
  std::filesystem::path folder;                          ///< that holds the weights
  std::filesystem::path hf_folder;                       ///< that holds config.json; empty if there is none
  std::map<std::string, std::filesystem::path> configs;  ///< side -> file
  std::optional<Record> record;
  std::optional<std::filesystem::path> checksums;  ///< `checksums.json`
};

/// Looks around the checkpoint at `path`, a folder or a file: `config.json` there or below `hf/`, `maxtext.yml`,
/// `rulec.json`, `checksums.json`. Of an item or a step of Orbax, also beside the steps. Errors: those of
/// `read_record`.
Result<Neighbours> find_neighbours(const std::filesystem::path& path, Diagnostics& diags);

/// `model_type` of a config.json, or nothing.
std::optional<std::string> model_type(const std::filesystem::path& config);

/// What the config.json beside weights that were made is to say of them.
struct MadeWeights {
  std::optional<DType> dtype;  ///< of floating tensors; nothing: what it says
  bool is_quantized = true;    ///< whether a `quantization_config` holds of them
};

/// Copies into `target`, the folder of a checkpoint of side `to`, what is to stay with the weights: config.json and the
/// tokenizer, into the folder itself on the side `hf` and below `hf/` on any other; and maxtext.yml. Which files, is in
/// README.md. Beside the weights themselves, config.json says what they are now. All of it is on the disk when this
/// returns, but for the names in `target` itself. Errors: R0801, R0809.
Status carry_over(const Neighbours& source, const std::string& to, const MadeWeights& weights,
                  const std::filesystem::path& target, Diagnostics& diags);

}  // namespace rulec::cli
