// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>
#include <sstream>
#include <string>

#include "engine/graph/graph.h"
#include "engine/graph/pieces.h"
#include "engine/store/tensor_list.h"
#include "tests/elaborated.h"
#include "tests/golden.h"

namespace rulec::golden {
namespace {

std::optional<GraphFormat> format_of(std::string_view word) {
  if (word == "text") return GraphFormat::Text;
  if (word == "json") return GraphFormat::Json;
  if (word == "dot") return GraphFormat::Dot;
  return std::nullopt;
}

std::string text_of(const StridedCopy& copy) {
  std::string axes;
  for (const StridedAxis& axis : copy.axes)
    axes += fmt::format(" {}:{}->{}", axis.extent, axis.source_stride, axis.target_stride);
  return fmt::format("{}->{}{}", copy.source_offset, copy.target_offset, axes);
}

/// What `simplify` leaves: a line a piece, `source -> target  offset->offset extent:stride->stride ...  function`.
std::string text_of(const Graph& graph, const TargetTensor& target) {
  std::string out;
  for (const CopyPiece& piece : target.copies) {
    std::string operands;
    for (const CopyOperand& operand : piece.operands) {
      operands += " with " + graph.sources[operand.source].name;
      if (operand.pipeline.empty()) continue;
      operands += fmt::format(" ({} ops, {} {} {})", operand.pipeline.size(), rule_name(operand.types.arrives),
                              rule_name(operand.types.working), rule_name(operand.types.stored));
    }
    out += fmt::format("{} -> {}  {}  {} ops, {} {} {}{}\n", graph.sources[piece.source].name, target.info.name,
                       text_of(piece.copy), piece.pipeline.size(), rule_name(piece.types.arrives),
                       rule_name(piece.types.working), rule_name(piece.types.stored), operands);
  }
  for (const FillPiece& piece : target.fills)
    out += fmt::format("fill -> {}  {}\n", target.info.name, text_of(piece.copy));
  return out;
}

}  // namespace

std::string graph_stage(const Sections& sections) {
  Diagnostics diags;
  const Section* source = find(sections, "source");
  const Section* how = find(sections, "to");  // a side, and `text`, `json`, `dot` or `pieces`
  if (source == nullptr || how == nullptr) return "this case lacks a section";
  std::istringstream words(how->text);
  std::string side_name, format;
  words >> side_name >> format;
  const SideId to = side_name == "left" ? SideId::Left : SideId::Right;
  const Result<std::vector<TensorInfo>> catalogue =
      parse_tensor_list(diags.sources().add("source", source->text), diags);
  if (!catalogue) return render_text(diags);
  testing::Given given;
  given.catalogues[number(other(to))] = *catalogue;
  const testing::Elaborated made = testing::elaborate_text(find(sections, "rules")->text, given);
  if (!made.pack) return render_text(*made.diags);
  const Result<Graph> graph = build_graph(*made.pack, to, {*catalogue, "source", {}, false, {}}, *made.diags);
  if (!graph) return render_text(*made.diags);
  if (const auto printed = format_of(format)) return print_graph(*graph, *printed);
  std::string out;
  for (const TargetTensor& target : simplify(*graph)) out += text_of(*graph, target);
  return out;
}

}  // namespace rulec::golden
