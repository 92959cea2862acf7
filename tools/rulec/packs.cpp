// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <rulec/pack.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/table.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const RulePack& pack, const std::vector<ShippedModel>& models) {
  Json options = Json::array();
  for (const PackOption& option : pack.options()) {
    options.push_back({{"name", option.name}, {"type", option.type}, {"doc", option.doc}});
  }
  Json presets = Json::array();
  for (const ShippedModel& model : models) {
    if (model.pack == pack.name())
      presets.push_back({{"name", model.name}, {"model_type", model.model_type}, {"tensors", model.tensors}});
  }
  return {{"name", pack.name()},   {"title", pack.title()},         {"sides", pack.sides()},
          {"lines", pack.lines()}, {"presets", std::move(presets)}, {"options", std::move(options)}};
}

/// `40 + 46`: tensors of the left side, as stacked as it gets, and of the right.
std::string tensors_of(const ShippedModel& model, const RulePack& pack) {
  std::vector<std::string> counts;
  for (const std::string& side : pack.sides()) {
    std::optional<std::size_t> least;
    for (const auto& [list, count] : model.tensors) {
      if (list.substr(0, list.find('_')) == side) least = std::min(least.value_or(count), count);
    }
    counts.push_back(least ? fmt::format("{}", *least) : "?");
  }
  return fmt::format("{} tensors", fmt::join(counts, " -> "));
}

ExitCode run_packs(Format format) {
  Diagnostics diags;
  const std::vector<ShippedModel> models = shipped_models();
  Json list = Json::array();
  for (const std::string& name : bundled_packs()) {
    const Result<RulePack> pack = load_pack(name, diags);
    if (!pack) continue;
    list.push_back(to_json(*pack, models));
    if (format != Format::Text) continue;
    fmt::print("{} : {}, {}, {} lines\n", name, fmt::join(pack->sides(), " -> "), pack->title(), pack->lines());
    Table table({Align::Left, Align::Right});
    for (const ShippedModel& model : models) {
      if (model.pack == name) table.add({model.name, tensors_of(model, *pack)});
    }
    fmt::print("{}", table.text(2));
  }
  return finish(diags, format, {{"packs", std::move(list)}});
}

}  // namespace

Command add_packs(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("packs", "List the packs that are built in");
  auto format = std::make_shared<Format>(Format::Text);
  add_format_option(*parser, *format);
  return {parser, [format] { return run_packs(*format); }};
}

}  // namespace rulec::cli
