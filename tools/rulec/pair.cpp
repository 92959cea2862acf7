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

/// What lies beside both.
struct Surroundings {
  Neighbours a;
  Neighbours b;
};

Result<Surroundings> look_around(const PairArguments& args, Diagnostics& diags) {
  Result<Neighbours> a = find_neighbours(args.a, diags);
  if (!a) return diags.failed();
  Result<Neighbours> b = find_neighbours(args.b, diags);
  if (!b) return diags.failed();
  return Surroundings{*std::move(a), *std::move(b)};
}

Result<Model> bind_both(const PairArguments& args, const Surroundings& near, const TensorStore& a, const TensorStore& b,
                        Diagnostics& diags) {
  BindOptions options = args.model.bind_options();
  complete(options, near.a);
  complete(options, near.b);
  // The one that says which pack made it speaks for the other, too.
  const bool is_b_first = near.b.record && !near.a.record;
  const auto found = [&](bool is_b, const std::string& pack) {
    return is_b ? recognise(b, near.b, pack, "", options, diags) : recognise(a, near.a, pack, "", options, diags);
  };
  const Result<Recognised> first = found(is_b_first, args.pack);
  if (!first) return diags.failed();
  const Result<Recognised> second = found(!is_b_first, args.pack.empty() ? first->pack.name() : args.pack);
  if (!second) return diags.failed();
  const Recognised& of_a = is_b_first ? *second : *first;
  const Recognised& of_b = is_b_first ? *first : *second;
  options.checkpoints[of_b.side] = &b;
  options.checkpoints[of_a.side] = &a;
  Result<Model> model = bind(of_a.pack, options, diags);
  const bool is_across = model && of_a.side != of_b.side;
  spdlog::info("pack {}: {} is on its side {}, {} on {}{}", of_a.pack.name(), args.a, of_a.side, args.b, of_b.side,
               is_across ? fmt::format("; compared is what the first becomes on {}", of_b.side) : "");
  return model;
}

/// Whether a checkpoint was made by a pack that has to be given.
bool is_of_own_pack(const Neighbours& near) {
  return near.record && !is_bundled(near.record->pack);
}

Result<std::optional<Model>> find_model(const PairArguments& args, const TensorStore& a, const TensorStore& b,
                                        Diagnostics& diags) {
  const std::size_t mark = diags.all().size();
  const Result<Surroundings> near = look_around(args, diags);
  Result<Model> model = near ? bind_both(args, *near, a, b, diags) : Result<Model>(diags.failed());
  if (model) return std::optional(*std::move(model));
  const bool needs_own_pack = near && (is_of_own_pack(near->a) || is_of_own_pack(near->b));
  if (asks_for_model(args) || needs_own_pack) return diags.failed();
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
