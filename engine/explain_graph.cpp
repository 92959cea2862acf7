// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "engine/graph/graph.h"
#include "engine/guard.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

#include <rulec/check.h>

namespace rulec {
namespace {

std::optional<GraphFormat> format_of(std::string_view name) {
  if (name == "text") return GraphFormat::Text;
  if (name == "json") return GraphFormat::Json;
  if (name == "dot") return GraphFormat::Dot;
  return std::nullopt;
}

}  // namespace

Result<std::string> explain_graph(const Model& model, std::string_view tensor, std::string_view format,
                                  Diagnostics& diags) {
  return guarded(diags, model.sources(), [&]() -> Result<std::string> {
    const std::optional<GraphFormat> form = format_of(format);
    if (!form) {
      return report(diags, {}, diag::Usage, fmt::format("there is no graph format `{}`", format))
          .help("formats: `text`, `json`, `dot`");
    }
    std::vector<std::string> known;
    for (const SideId to : BothSides) {
      for (const Tensor& t : model.pack().tensors[number(to)]) known.push_back(t.name);
      if (!model.pack().find(to, tensor)) continue;
      // No checkpoint is at hand: the source is taken as bfloat16, as published checkpoints are.
      std::vector<TensorInfo> source = model.tensors(model.sides()[number(other(to))]);
      for (TensorInfo& info : source) info.dtype = DType::Bf16;
      GraphOptions options;
      options.source = source;
      options.where = model.sides()[number(other(to))];
      options.only = {std::string(tensor)};
      const Result<Graph> graph = build_graph(model.pack(), to, options, diags);
      if (!graph) return diags.failed();
      return print_graph(*graph, *form, tensor);
    }
    Finding finding = report(diags, {}, diag::UnresolvedName, "tensor", tensor);
    if (const auto close = close_names(tensor, known); !close.empty()) {
      finding.help(fmt::format("these names are close: `{}`", fmt::join(close, "`, `")));
    }
    return finding;
  });
}

}  // namespace rulec
