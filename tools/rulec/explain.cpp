// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include <rulec/check.h>

#include "tools/rulec/arguments.h"
#include "tools/rulec/command.h"
#include "tools/rulec/findings.h"
#include "tools/rulec/messages.h"

namespace rulec::cli {
namespace {

struct ExplainArguments {
  std::string what;    // a pack, or a message
  std::string tensor;  // empty: `what` is a message
  std::string graph;
  ModelArguments model;
};

bool has_tensor(const Model& model, const std::string& name) {
  return std::ranges::any_of(model.sides(), [&](const std::string& side) {
    return std::ranges::count(model.tensors(side), name, &TensorInfo::name) != 0;
  });
}

// The options as given, and each `bool` that was not given turned round: a name of the other layout is found too.
std::vector<BindOptions> layouts(const BindOptions& options, const Model& model) {
  std::vector<BindOptions> out = {options};
  for (const auto& [name, value] : model.options()) {
    if (options.options.contains(name) || (value != "true" && value != "false")) continue;
    out.push_back(options);
    out.back().options[name] = value == "true" ? "false" : "true";
  }
  return out;
}

// The first preset and layout that has the tensor.
std::optional<Model> find_model(const RulePack& pack, const BindOptions& given, const std::string& tensor,
                                Diagnostics& diags) {
  std::vector<BindOptions> starts = {given};
  if (given.preset.empty() && given.configs.empty()) {
    starts.clear();
    for (const std::string& preset : pack.presets()) {
      starts.push_back(given);
      starts.back().preset = preset;
    }
  }
  for (const BindOptions& start : starts) {
    const std::size_t mark = diags.all().size();
    const Result<Model> first = bind(pack, start, diags);
    diags.truncate(mark);
    if (!first) continue;
    for (const BindOptions& options : layouts(start, *first)) {
      Result<Model> model = bind(pack, options, diags);
      diags.truncate(mark);
      if (!model || !has_tensor(*model, tensor)) continue;
      if (!options.preset.empty()) spdlog::info("preset {}", options.preset);
      return *std::move(model);
    }
  }
  return std::nullopt;
}

ExitCode explain_tensor(const ExplainArguments& args) {
  Diagnostics diags;
  const auto end = [&] { return finish(diags, Format::Text, nlohmann::ordered_json::object()); };
  const Result<RulePack> pack = load_pack(args.what, diags);
  if (!pack) return end();
  BindOptions options = args.model.bind_options();
  std::optional<Model> model = find_model(*pack, options, args.tensor, diags);
  if (!model) {  // let the library say why, for the model that was asked for or the first
    if (options.preset.empty() && options.configs.empty() && !pack->presets().empty())
      options.preset = pack->presets().front();
    Result<Model> bound = bind(*pack, options, diags);
    if (!bound) return end();
    model = *std::move(bound);
  }
  for (const std::string& decision : model->decisions()) spdlog::info("{}", decision);
  const Result<std::string> text =
      args.graph.empty() ? explain(*model, args.tensor, diags) : explain_graph(*model, args.tensor, args.graph, diags);
  if (text) fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
  // The pack is fine: it is the name on the command line that is not.
  return std::max(end(), text ? ExitCode::Fine : ExitCode::Error);
}

ExitCode explain_message(const ExplainArguments& args) {
  Diagnostics diags;
  if (const std::optional<std::string_view> page = message_page(args.what)) {
    fmt::print("{}", *page);
    return ExitCode::Fine;
  }
  const std::vector<std::string> packs = bundled_packs();
  const bool is_pack = std::ranges::find(packs, args.what) != packs.end() || args.what.ends_with(".rules");
  Finding finding = report(diags, {}, diag::Usage,
                           is_pack ? fmt::format("expected a tensor behind the pack `{}`", args.what)
                                   : fmt::format("`{}` is no message", args.what));
  finding.help("a message is an id such as R0402, or a name such as index-hole");
  finding.help("a tensor is explained by a pack: rulec explain gemma2 model.norm.weight");
  return finish(diags, Format::Text, nlohmann::ordered_json::object());
}

}  // namespace

Command add_explain(CLI::App& app) {
  CLI::App* parser =
      app.add_subcommand("explain", "Show how one tensor is converted both ways, or what a message means");
  auto args = std::make_shared<ExplainArguments>();
  parser->add_option("PACK", args->what, "A pack; or alone: a message, R0402 or index-hole")->required();
  parser->add_option("TENSOR", args->tensor, "A name of either side");
  add_model_options(*parser, args->model);
  parser->add_option("--graph", args->graph, "Print the expression graph of the tensor instead")
      ->check(unlisted(CLI::IsMember({"text", "json", "dot"})))
      ->type_name("text|json|dot");
  return {parser, [args] { return args->tensor.empty() ? explain_message(*args) : explain_tensor(*args); }};
}

}  // namespace rulec::cli
