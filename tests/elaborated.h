// SPDX-License-Identifier: Apache-2.0
// Packs for tests: loaded and worked out, with all that must live as long as they do.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/pack/pack.h"

namespace rulec::testing {

struct Elaborated {
  std::unique_ptr<Diagnostics> diags = std::make_unique<Diagnostics>();
  std::unique_ptr<Rules> rules;
  std::array<std::unique_ptr<ConfigValue>, 2> configs;
  std::optional<Pack> pack;  ///< nothing if the diagnostics say why not
};

/// What a pack is elaborated with, beside its text.
struct Given {
  std::array<std::filesystem::path, 2> configs;
  std::map<std::string, Value, std::less<>> options;
  std::array<std::span<const TensorInfo>, 2> catalogues{};
};

/// Of a rule text. The line `pack test : left -> right` is put in front of it.
Elaborated elaborate_text(std::string_view rules, const Given& given = {});

/// Of a bundled pack.
Elaborated elaborate_pack(std::string_view name, const Given& given);

}  // namespace rulec::testing
