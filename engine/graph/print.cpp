// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/graph/graph.h"
#include "grammar/internal_error.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// A node in words: what it does, to which nodes, and how.
struct Line {
  std::string what;  // `view`
  std::vector<NodeId> of;
  std::string how;  // `strides [4 1], offset 8`
};

std::string strides_text(const std::vector<std::int64_t>& strides, std::int64_t offset) {
  std::string text = fmt::format("strides [{}]", fmt::join(strides, " "));
  if (offset != 0) text += fmt::format(" from {}", offset);
  return text;
}

Line describe(const Graph& graph, const Node& node) {
  return std::visit(Overloaded{
                        [&](const nodes::Load& n) { return Line{"load", {}, graph.sources[n.tensor].name}; },
                        [](const nodes::View& n) {
                          std::vector<std::int64_t> strides;
                          std::vector<std::int64_t> blocks;
                          for (const nodes::ViewAxis& axis : n.axes) {
                            strides.push_back(axis.stride);
                            blocks.push_back(axis.block);
                          }
                          std::string how = strides_text(strides, n.offset);
                          const bool has_blocks =
                              std::ranges::any_of(blocks, [](std::int64_t block) { return block != 1; });
                          if (has_blocks) how += fmt::format(" blocks [{}]", fmt::join(blocks, " "));
                          return Line{"view", {n.of}, how};
                        },
                        [](const nodes::Apply& n) {
                          Line line{"apply", {n.of}, to_string(Pipeline{n.call})};
                          line.of.insert(line.of.end(), n.operands.begin(), n.operands.end());
                          return line;
                        },
                        [](const nodes::Cast& n) { return Line{"cast", {n.of}, {}}; },
                        [](const nodes::Fill& n) { return Line{"fill", {}, fmt::format("{}", n.value)}; },
                        [](const nodes::Assemble& n) {
                          Line line{"assemble", {}, {}};
                          for (const nodes::Placed& placed : n.pieces) {
                            line.of.push_back(placed.of);
                            if (!line.how.empty()) line.how += "; ";
                            line.how += strides_text(placed.strides, placed.offset);
                          }
                          return line;
                        },
                        [&](const nodes::Store& n) { return Line{"store", {n.of}, graph.targets[n.tensor].name}; },
                    },
                    node.kind);
}

/// The nodes to print, ascending: all of them, or those that the store of `only` needs.
std::vector<std::size_t> chosen(const Graph& graph, std::optional<std::string_view> only) {
  std::vector<bool> is_needed(graph.nodes.size(), !only);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const auto* store = std::get_if<nodes::Store>(&graph.nodes[i].kind);
    if (store != nullptr && only && graph.targets[store->tensor].name == *only) is_needed[i] = true;
    if (!is_needed[i]) continue;
    for (const NodeId of : describe(graph, graph.nodes[i]).of) is_needed[static_cast<std::size_t>(of)] = true;
  }
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < is_needed.size(); ++i) {
    if (is_needed[i]) result.push_back(i);
  }
  return result;
}

std::string type_text(const Node& node) {
  return fmt::format("{} {}", rule_name(node.dtype), to_string(node.shape));
}

std::string list(const std::vector<NodeId>& ids) {
  std::string text;
  for (const NodeId id : ids) text += fmt::format(" %{}", static_cast<std::uint32_t>(id));
  return text;
}

/// `%3  bf16 [8 256]   = view %0       strides [4 1]`, in columns.
std::string print_text(const Graph& graph, const std::vector<std::size_t>& which) {
  std::size_t type_width = 0;
  for (const std::size_t i : which) type_width = std::max(type_width, type_text(graph.nodes[i]).size());
  const std::size_t id_width = which.empty() ? 0 : fmt::format("%{}", which.back()).size();
  std::string text;
  for (const std::size_t i : which) {
    const Node& node = graph.nodes[i];
    Line line = describe(graph, node);
    text +=
        fmt::format("{:>{}} : {:<{}} = {}", fmt::format("%{}", i), id_width, type_text(node), type_width, line.what);
    if (const auto* assemble = std::get_if<nodes::Assemble>(&node.kind)) {
      for (const nodes::Placed& placed : assemble->pieces) {
        text += fmt::format("\n{:{}}%{} at {}", "", id_width + type_width + 8, static_cast<std::uint32_t>(placed.of),
                            strides_text(placed.strides, placed.offset));
      }
      text += '\n';
      continue;
    }
    text += list(line.of);
    if (!line.how.empty()) text += " " + line.how;
    text += '\n';
  }
  return text;
}

std::string print_json(const Graph& graph, const std::vector<std::size_t>& which) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::size_t i : which) {
    const Node& node = graph.nodes[i];
    const Line line = describe(graph, node);
    nlohmann::ordered_json one{{"id", i}, {"node", line.what}, {"dtype", rule_name(node.dtype)}, {"shape", node.shape}};
    if (!line.of.empty()) {
      for (const NodeId of : line.of) one["of"].push_back(static_cast<std::uint32_t>(of));
    }
    std::visit(Overloaded{
                   [&](const nodes::Load& n) { one["tensor"] = graph.sources[n.tensor].name; },
                   [&](const nodes::View& n) {
                     one["offset"] = n.offset;
                     one["strides"] = one["blocks"] = nlohmann::ordered_json::array();
                     for (const nodes::ViewAxis& axis : n.axes) {
                       one["strides"].push_back(axis.stride);
                       one["blocks"].push_back(axis.block);
                     }
                   },
                   [&](const nodes::Apply& n) { one["call"] = to_string(Pipeline{n.call}); },
                   [](const nodes::Cast&) {},
                   [&](const nodes::Fill& n) { one["value"] = n.value; },
                   [&](const nodes::Assemble& n) {
                     for (const nodes::Placed& placed : n.pieces) {
                       one["pieces"].push_back({{"of", static_cast<std::uint32_t>(placed.of)},
                                                {"offset", placed.offset},
                                                {"strides", placed.strides}});
                     }
                   },
                   [&](const nodes::Store& n) { one["tensor"] = graph.targets[n.tensor].name; },
               },
               node.kind);
    all.push_back(std::move(one));
  }
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string dot_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string print_dot(const Graph& graph, const std::vector<std::size_t>& which) {
  std::string text = "digraph rulec {\n  rankdir = LR\n  node [shape = box, fontname = \"monospace\", fontsize = 10]\n";
  for (const std::size_t i : which) {
    const Node& node = graph.nodes[i];
    Line line = describe(graph, node);
    if (line.what == "assemble") line.how = fmt::format("{} pieces", line.of.size());
    const bool is_tensor = line.what == "load" || line.what == "store";
    std::string label = dot_string(fmt::format("{}{}{}", line.what, line.how.empty() ? "" : " ", line.how));
    label.insert(label.size() - 1, "\\n" + type_text(node));
    text += fmt::format("  n{} [label = {}{}]\n", i, label, is_tensor ? ", style = filled, fillcolor = lightgrey" : "");
    for (const NodeId of : line.of) text += fmt::format("  n{} -> n{}\n", static_cast<std::uint32_t>(of), i);
  }
  return text + "}\n";
}

}  // namespace

std::string print_graph(const Graph& graph, GraphFormat format, std::optional<std::string_view> only) {
  const std::vector<std::size_t> which = chosen(graph, only);
  switch (format) {
    case GraphFormat::Text:
      return print_text(graph, which);
    case GraphFormat::Json:
      return print_json(graph, which);
    case GraphFormat::Dot:
      return print_dot(graph, which);
  }
  return {};
}

}  // namespace rulec
