// SPDX-License-Identifier: Apache-2.0
#include "tests/elaborated.h"

#include <utility>

namespace rulec::testing {
namespace {

Elaborated elaborated(Elaborated made, Result<Rules> rules, const Given& given) {
  if (!rules) return made;
  made.rules = std::make_unique<Rules>(*std::move(rules));
  Inputs inputs;
  for (const SideId side : BothSides) {
    if (given.configs[number(side)].empty()) continue;
    Result<ConfigValue> config = read_config(given.configs[number(side)], *made.diags);
    if (!config) return made;
    made.configs[number(side)] = std::make_unique<ConfigValue>(*std::move(config));
    inputs.configs[number(side)] = made.configs[number(side)].get();
    inputs.config_names[number(side)] = given.configs[number(side)].filename().string();
  }
  inputs.options = given.options;
  inputs.catalogues = given.catalogues;
  Result<Pack> pack = elaborate(*made.rules, inputs, *made.diags);
  if (pack) made.pack = *std::move(pack);
  return made;
}

}  // namespace

Elaborated elaborate_text(std::string_view rules, const Given& given) {
  Elaborated made;
  const SourceId source = made.diags->sources().add("rules", "pack test : left -> right\n" + std::string(rules));
  Result<Rules> loaded = load_rules(source, {}, *made.diags);
  return elaborated(std::move(made), std::move(loaded), given);
}

Elaborated elaborate_pack(std::string_view name, const Given& given) {
  Elaborated made;
  Result<Rules> loaded = load_rules(name, *made.diags);
  return elaborated(std::move(made), std::move(loaded), given);
}

}  // namespace rulec::testing
