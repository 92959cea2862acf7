// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/pair.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "tools/rulec/neighbours.h"
#include "tools/rulec/quantity.h"
#include "tools/rulec/recognise.h"

namespace rulec::cli {
namespace {

bool asks_for_model(const PairArguments& args) {
  const ModelArguments& model = args.model;
  return !args.pack.empty() || !model.configs.empty() || !model.preset.empty() || !model.options.empty();
}

Result<Model> bind_both(const PairArguments& args, const TensorStore& a, const TensorStore& b, Diagnostics& diags) {
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

Result<std::optional<Model>> find_model(const PairArguments& args, const TensorStore& a, const TensorStore& b,
                                        Diagnostics& diags) {
  const std::size_t mark = diags.all().size();
  Result<Model> model = bind_both(args, a, b, diags);
  if (model) return std::optional(*std::move(model));
  if (asks_for_model(args)) return diags.failed();
  const auto why = std::ranges::find(diags.all().begin() + static_cast<std::ptrdiff_t>(mark), diags.all().end(),
                                     Severity::Error, &Diagnostic::severity);
  spdlog::info("tensors are compared by name: {}", why->message);
  diags.truncate(mark);
  return std::optional<Model>();
}

}  // namespace

void add_pair_options(CLI::App& app, PairArguments& into) {
  app.add_option("--pack", into.pack, "A pack; else found by looking")->type_name("NAME|PATH");
  add_model_options(app, into.model);
}

Result<Pair> open_pair(const PairArguments& args, Diagnostics& diags) {
  Result<std::unique_ptr<TensorStore>> a = open_store(args.a, diags);
  Result<std::unique_ptr<TensorStore>> b = open_store(args.b, diags);
  if (!a || !b) return diags.failed();
  Result<std::optional<Model>> model = find_model(args, **a, **b, diags);
  if (!model) return diags.failed();
  return Pair{*std::move(a), *std::move(b), *std::move(model)};
}

std::string summary(std::span<const Difference> all) {
  constexpr std::array Kinds = {Difference::Same,  Difference::WithinClass, Difference::Values, Difference::DType,
                                Difference::Shape, Difference::OnlyA,       Difference::OnlyB};
  std::vector<std::string> parts;
  for (const Difference kind : Kinds) {
    if (const auto count = std::ranges::count(all, kind); count > 0)
      parts.push_back(fmt::format("{} {}", count, to_string(kind)));
  }
  return fmt::format("{}{}{}", count_text(all.size(), "tensor"), parts.empty() ? "" : ": ", fmt::join(parts, ", "));
}

}  // namespace rulec::cli
