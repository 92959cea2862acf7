// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include <rulec/diff.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/neighbours.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/recognise.h"
#include "tools/rulec/table.h"

namespace rulec::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  std::string a;
  std::string b;
  std::string pack;
  ModelArguments model;
  bool allow_class = false;
  Format format = Format::Text;

  bool asks_for_model() const {
    return !pack.empty() || !model.configs.empty() || !model.preset.empty() || !model.options.empty();
  }
};

Result<Model> bind_both(const Arguments& args, const TensorStore& a, const TensorStore& b, Diagnostics& diags) {
  const Result<Neighbours> near_a = find_neighbours(args.a, diags);
  if (!near_a) return diags.failed();
  const Result<Neighbours> near_b = find_neighbours(args.b, diags);
  if (!near_b) return diags.failed();
  BindOptions options = args.model.bind_options();
  complete(options, *near_a);
  complete(options, *near_b);
  const Result<Recognised> of_a = recognise(a, *near_a, args.pack, "", options, diags);
  if (!of_a) return diags.failed();
  const Result<Recognised> of_b =
      recognise(b, *near_b, args.pack.empty() ? of_a->pack.name() : args.pack, "", options, diags);
  if (!of_b) return diags.failed();
  options.checkpoints[of_b->side] = &b;
  options.checkpoints[of_a->side] = &a;
  Result<Model> model = bind(of_a->pack, options, diags);
  const bool is_across = model && of_a->side != of_b->side;
  spdlog::info("pack {}: {} is on its side {}, {} on {}{}", of_a->pack.name(), args.a, of_a->side, args.b, of_b->side,
               is_across ? fmt::format("; compared is what the first becomes on {}", of_b->side) : "");
  return model;
}

// A model makes more of a comparison; without one that is asked for, tensors are compared by their names.
Result<std::optional<Model>> find_model(const Arguments& args, const TensorStore& a, const TensorStore& b,
                                        Diagnostics& diags) {
  const std::size_t mark = diags.all().size();
  Result<Model> model = bind_both(args, a, b, diags);
  if (model) return std::optional(*std::move(model));
  if (args.asks_for_model()) return diags.failed();
  const auto why = std::ranges::find(diags.all().begin() + static_cast<std::ptrdiff_t>(mark), diags.all().end(),
                                     Severity::Error, &Diagnostic::severity);
  spdlog::info("tensors are compared by name: {}", why->message);
  diags.truncate(mark);
  return std::optional<Model>();
}

std::string summary(const std::vector<TensorDifference>& all) {
  constexpr std::array Kinds = {Difference::Same,  Difference::WithinClass, Difference::Values, Difference::DType,
                                Difference::Shape, Difference::OnlyA,       Difference::OnlyB};
  std::string out = count_text(all.size(), "tensor") + ":";
  for (const Difference kind : Kinds) {
    const auto count = std::ranges::count(all, kind, &TensorDifference::difference);
    if (count > 0) out += fmt::format(" {} {},", count, to_string(kind));
  }
  out.pop_back();
  return out;
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

ExitCode run(const Arguments& args) {
  Diagnostics diags;
  const auto fail = [&] { return finish(diags, args.format, Json::object()); };
  const Result<std::unique_ptr<TensorStore>> a = open_store(args.a, diags);
  const Result<std::unique_ptr<TensorStore>> b = open_store(args.b, diags);
  if (!a || !b) return fail();
  const Result<std::optional<Model>> model = find_model(args, **a, **b, diags);
  if (!model) return fail();
  const auto differences = diff(**a, **b, *model ? &**model : nullptr, diags);
  if (!differences) return fail();
  if (args.format == Format::Text) print_text(*differences);
  const ExitCode code = finish(diags, args.format, to_json(*differences));
  const bool same = std::ranges::all_of(*differences, [&](const TensorDifference& d) {
    return d.difference == Difference::Same || (args.allow_class && d.difference == Difference::WithinClass);
  });
  return code == ExitCode::Fine && !same ? ExitCode::Findings : code;
}

}  // namespace

Command add_diff(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("diff", "Compare two checkpoints bit by bit, on one side or across a pack");
  auto args = std::make_shared<Arguments>();
  parser->add_option("A", args->a, "A folder or a file")->required();
  parser->add_option("B", args->b, "A folder or a file")->required();
  parser->add_option("--pack", args->pack, "A pack; else found by looking")->type_name("NAME|PATH");
  add_model_options(*parser, args->model);
  parser->add_flag("--allow-class", args->allow_class, "Differences within the proved class of a rule are fine");
  add_format_option(*parser, args->format);
  return {parser, [args] { return run(*args); }};
}

}  // namespace rulec::cli
