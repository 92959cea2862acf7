// SPDX-License-Identifier: Apache-2.0
// Rules worked out for one config, as far as the tensors of both sides and the proof that they are covered.
#include <fmt/core.h>

#include <array>
#include <sstream>

#include "engine/check/check.h"
#include "engine/pack/pack.h"
#include "tests/golden.h"

namespace rulec::golden {
namespace {

/// Lines such as `a.0.w [4 2]`; every number is a float32.
std::vector<TensorInfo> read_catalogue(const std::string& text) {
  std::vector<TensorInfo> catalogue;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t bracket = line.find('[');
    TensorInfo info{line.substr(0, line.find(' ')), DType::F32, {}};
    std::istringstream extents(line.substr(bracket + 1, line.find(']') - bracket - 1));
    for (std::int64_t extent = 0; extents >> extent;) info.shape.push_back(extent);
    catalogue.push_back(std::move(info));
  }
  return catalogue;
}

std::string print(const Pack& pack) {
  std::string out;
  for (const SideId side : BothSides) {
    for (const Tensor& tensor : pack.tensors[number(side)])
      out += fmt::format("{}: {} {}\n", pack.rules->sides[number(side)], tensor.name, to_string(tensor.shape));
  }
  return out;
}

}  // namespace

std::string pack_stage(const Sections& sections) {
  const Section* text = find(sections, "rules");
  if (!text) return "this case needs a section `rules`";
  PackFolder folder;
  folder.read = [&](std::string_view path) -> std::optional<std::string> {
    const Section* file = find(sections, path);
    return file ? std::optional(file->text) : std::nullopt;
  };
  Diagnostics diags;
  const Result<Rules> rules = load_rules(diags.sources().add(text->name, text->text), folder, diags);
  if (!rules) return render_text(diags);

  std::array<std::optional<ConfigValue>, 2> configs;
  std::array<std::vector<TensorInfo>, 2> catalogues;
  Inputs inputs;
  for (const SideId side : BothSides) {
    const std::string& name = rules->sides[number(side)];
    if (const Section* config = find(sections, "config " + name)) {
      Result<ConfigValue> value = parse_config(diags.sources().add(name + ".json", config->text), diags);
      if (!value) return render_text(diags);
      inputs.configs[number(side)] = &configs[number(side)].emplace(*std::move(value));
      inputs.config_names[number(side)] = name + ".json";
    }
    if (const Section* tensors = find(sections, "tensors " + name)) {
      catalogues[number(side)] = read_catalogue(tensors->text);
      inputs.catalogues[number(side)] = catalogues[number(side)];
    }
  }
  const Result<Pack> pack = elaborate(*rules, inputs, diags);
  UsedPermissions used;
  if (pack) (void)prove_coverage(*pack, used, diags);
  return (pack ? print(*pack) : std::string()) + render_text(diags);
}

}  // namespace rulec::golden
