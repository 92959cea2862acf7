// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <rulec/pack.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/table.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const RulePack& pack) {
  Json options = Json::array();
  for (const PackOption& option : pack.options()) {
    options.push_back({{"name", option.name}, {"type", option.type}, {"doc", option.doc}});
  }
  return {{"name", pack.name()},
          {"title", pack.title()},
          {"sides", pack.sides()},
          {"presets", pack.presets()},
          {"options", std::move(options)}};
}

ExitCode run(Format format) {
  Diagnostics diags;
  Json list = Json::array();
  Table table({Align::Left, Align::Left, Align::Left, Align::Left});
  for (const std::string& name : bundled_packs()) {
    const Result<RulePack> pack = load_pack(name, diags);
    if (!pack) continue;
    list.push_back(to_json(*pack));
    table.add({pack->name(), fmt::format("{}", fmt::join(pack->sides(), " -> ")), pack->title(),
               fmt::format("{}", fmt::join(pack->presets(), " "))});
  }
  if (format == Format::Text) fmt::print("{}", table.text());
  return finish(diags, format, {{"packs", std::move(list)}});
}

}  // namespace

Command add_packs(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("packs", "List the packs that are built in");
  auto format = std::make_shared<Format>(Format::Text);
  add_format_option(*parser, *format);
  return {parser, [format] { return run(*format); }};
}

}  // namespace rulec::cli
