// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include <rulec/diff.h>

#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/pair.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/table.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

struct DiffArguments {
  PairArguments pair;
  bool allow_class = false;
  Format format = Format::Text;
};

std::string summary(const std::vector<TensorDifference>& all) {
  std::vector<Difference> kinds;
  for (const TensorDifference& one : all) kinds.push_back(one.difference);
  return cli::summary(kinds);
}

void print_text(const std::vector<TensorDifference>& all) {
  Table table({Align::Left, Align::Left, Align::Right, Align::Left});
  for (const TensorDifference& d : all) {
    if (d.difference == Difference::Same) continue;
    const std::string cells = d.cells == 0 ? "" : fmt::format("{} cells, <= {} ulp", d.cells, d.worst_ulp);
    table.add({d.name, std::string(to_string(d.difference)), cells, d.detail});
  }
  fmt::print("{}{}\n", table.text(), summary(all));
}

Json to_json(const std::vector<TensorDifference>& all) {
  Json tensors = Json::array();
  for (const TensorDifference& d : all) {
    tensors.push_back({{"name", d.name},
                       {"difference", to_string(d.difference)},
                       {"cells", d.cells},
                       {"worst_ulp", d.worst_ulp},
                       {"detail", d.detail}});
  }
  return {{"summary", summary(all)}, {"tensors", std::move(tensors)}};
}

ExitCode run_diff(const DiffArguments& args) {
  Diagnostics diags;
  const auto fail = [&] { return finish(diags, args.format, Json::object()); };
  const Result<Pair> pair = open_pair(args.pair, diags);
  if (!pair) return fail();
  const auto differences = diff(*pair->a, *pair->b, pair->model_if_any(), diags);
  if (!differences) return fail();
  if (args.format == Format::Text) print_text(*differences);
  const ExitCode code = finish(diags, args.format, to_json(*differences));
  const auto count = [&](Difference kind) {
    return std::ranges::count(*differences, kind, &TensorDifference::difference);
  };
  const auto within = count(Difference::WithinClass);
  const auto others = std::ssize(*differences) - within - count(Difference::Same);
  const bool is_fine = others == 0 && (args.allow_class || within == 0);
  if (!is_fine && others == 0 && args.format == Format::Text)
    fmt::print("all of them lie within the class that was proved for their rules: --allow-class lets them pass\n");
  return code == ExitCode::Fine && !is_fine ? ExitCode::Findings : code;
}

}  // namespace

Command add_diff(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("diff", "Compare two checkpoints bit by bit, on one side or across a pack");
  auto args = std::make_shared<DiffArguments>();
  parser->add_option("A", args->pair.a, "A folder or a file")->required();
  parser->add_option("B", args->pair.b, "A folder or a file")->required();
  add_pair_options(*parser, args->pair);
  parser->add_flag("--allow-class", args->allow_class, "Differences within the proved class of a rule are fine");
  add_format_option(*parser, args->format);
  return {parser, [args] { return run_diff(*args); }};
}

}  // namespace rulec::cli
