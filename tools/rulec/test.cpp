// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <rulec/check.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

struct TestArguments {
  std::vector<std::string> packs;
  Format format = Format::Text;
};

ExitCode run_test(const TestArguments& args) {
  Diagnostics diags;
  Json list = Json::array();
  for (const std::string& name : args.packs.empty() ? bundled_packs() : args.packs) {
    const Result<RulePack> pack = load_pack(name, diags);
    if (!pack) continue;
    std::vector<std::string> lines;
    const bool passed = static_cast<bool>(test(*pack, lines, diags));
    list.push_back({{"pack", pack->name()}, {"passed", passed}, {"tests", lines}});
    if (args.format == Format::Json) continue;
    fmt::print("{}\n", pack->name());
    for (const std::string& line : lines) fmt::print("  {}\n", line);
  }
  return finish(diags, args.format, {{"packs", std::move(list)}});
}

}  // namespace

Command add_test(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("test", "Run the tests of packs, and round trips on random tensors of every preset");
  auto args = std::make_shared<TestArguments>();
  parser->add_option("PACK", args->packs, "Names or paths; none: all that are built in");
  add_format_option(*parser, args->format);
  return {parser, [args] { return run_test(*args); }};
}

}  // namespace rulec::cli
