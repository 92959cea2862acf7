// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/conversion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <map>
#include <optional>
#include <utility>

#include "tools/rulec/recognise.h"
#include "tools/rulec/target_check.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

std::optional<DType> wanted_dtype(const ConversionArguments& args, const Model& model, const BindOptions& options,
                                  const std::string& to) {
  if (args.dtype == "keep") return std::nullopt;
  if (args.dtype != "auto") return find_dtype(args.dtype);
  return options.configs.contains(to) ? model.config_dtype(to) : std::nullopt;
}

void add_policy(CLI::App& app, const std::string& option, Policy& into, const std::string& help) {
  const std::map<std::string, Policy> names = {{"stop", Policy::Stop}, {"drop", Policy::Drop}};
  app.add_option(option, into, help)->transform(one_of(names))->type_name("stop|drop");
}

void add_output_options(CLI::App& app, ConversionArguments& args) {
  app.add_option("--dtype", args.dtype,
                 "Type of floating tensors; auto: that of the target's config, if there is one, else kept")
      ->check(unlisted(CLI::IsMember({"auto", "keep", "bf16", "f16", "f32"})))
      ->type_name("auto|keep|bf16|f16|f32");
  add_cast_option(app, args.convert.cast_first);
  add_store_options(app, args.store);
  add_repeated(app, "--only", args.convert.only, "Write only the tensors that match; ** crosses dots")
      ->type_name("GLOB");
  add_limit_options(app, args.convert.memory_bytes, args.convert.threads);
  add_policy(app, "--pad-policy", args.convert.pad_policy, "What to do with padding that is not zero");
  add_policy(app, "--constant-policy", args.convert.constant_policy, "What to do with a constant that differs");
  add_policy(app, "--alias-policy", args.convert.alias_policy, "What to do with copies that differ");
}

}  // namespace

void add_conversion_options(CLI::App& app, ConversionArguments& into) {
  into.app = &app;
  app.add_option("SRC", into.source, "A folder or a file")->required();
  app.add_option("DST", into.target, "The folder to make")->required();
  app.add_option("--pack", into.pack, "A pack; else found by looking")->type_name("NAME|PATH");
  app.add_option("--to", into.to, "The side to make, such as hf; else found by looking")->type_name("SIDE");
  add_model_options(app, into.model);
  add_output_options(app, into);
  app.add_flag("--overwrite", into.overwrite,
               "Replace a checkpoint that is there already, once the new one is complete");
}

Result<Job> prepare(const ConversionArguments& args, Diagnostics& diags) {
  if (!check_target(args.target, args.source, args.overwrite, diags)) return diags.failed();
  Result<std::unique_ptr<TensorStore>> source = open_store(args.source, diags);
  if (!source) return diags.failed();
  Result<Neighbours> neighbours = find_neighbours(args.source, diags);
  if (!neighbours) return diags.failed();
  BindOptions options = args.model.bind_options();
  // A config that is given brings its folder along: the tokenizer is there.
  if (const auto hf = options.configs.find("hf"); hf != options.configs.end())
    neighbours->hf_folder = hf->second.has_parent_path() ? hf->second.parent_path() : ".";
  for (const auto& [side, file] : options.configs) neighbours->configs[side] = file;
  complete(options, *neighbours);
  Result<Recognised> found = recognise(**source, *neighbours, args.pack, args.to, options, diags);
  if (!found) return diags.failed();
  const std::string from = found->side;
  const std::string to = opposite(found->pack, from);
  if (!check_store_options(*args.app, args.store, to, diags)) return diags.failed();
  options.checkpoints[from] = source->get();
  Result<Model> model = bind(found->pack, options, diags);
  if (!model) return diags.failed();
  ConvertOptions convert = args.convert;
  convert.dtype = wanted_dtype(args, *model, options, to);
  spdlog::info("{} -> {} ({})", from, to, fmt::join(found->reasons, "; "));
  for (const std::string& decision : model->decisions()) spdlog::info("{}", decision);
  return Job{*std::move(source), *std::move(neighbours),   *std::move(model), from, to,
             std::move(convert), std::move(found->reasons)};
}

}  // namespace rulec::cli
