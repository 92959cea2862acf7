// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/graph/pieces.h"
#include "engine/scalar/op.h"
#include "grammar/internal_error.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// The nodes of one piece, from where its cells come from to where they are placed.
struct Chain {
  const Node* start = nullptr;     // a view, a fill or a load
  std::vector<const Node*> steps;  // casts and ops, in order
};

Chain chain_of(const Graph& graph, NodeId end) {
  Chain chain;
  const Node* node = &graph[end];
  while (true) {
    if (const auto* apply = std::get_if<nodes::Apply>(&node->kind)) {
      chain.steps.push_back(node);
      node = &graph[apply->of];
    } else if (const auto* cast = std::get_if<nodes::Cast>(&node->kind)) {
      chain.steps.push_back(node);
      node = &graph[cast->of];
    } else {
      chain.start = node;
      std::ranges::reverse(chain.steps);
      return chain;
    }
  }
}

/// The steps as one pipeline; a cast at either end is a matter of types.
struct Function {
  Pipeline pipeline;
  Types types;
  std::vector<NodeId> operands;
};

Function function_of(const Chain& chain) {
  const DType arrives = chain.start->dtype;
  Function function{{}, {arrives, arrives, chain.steps.empty() ? arrives : chain.steps.back()->dtype}, {}};
  for (std::size_t i = 0; i < chain.steps.size(); ++i) {
    const auto* apply = std::get_if<nodes::Apply>(&chain.steps[i]->kind);
    if (apply == nullptr) {
      if (i == 0) function.types.working = chain.steps[i]->dtype;
      const bool at_an_end = i == 0 || i + 1 == chain.steps.size();
      if (!at_an_end) function.pipeline.push_back({&ops::Cast, {chain.steps[i]->dtype}, {}});
      continue;
    }
    Call call = apply->call;
    for (CallArgument& argument : call.arguments) {
      if (auto* operand = std::get_if<Operand>(&argument)) {
        function.operands.push_back(apply->operands.at(operand->number));
        operand->number = function.operands.size() - 1;
      }
    }
    function.pipeline.push_back(std::move(call));
  }
  return function;
}

std::size_t source_of(const Graph& graph, NodeId id) {
  const auto* load = std::get_if<nodes::Load>(&graph[id].kind);
  RULEC_ASSERT(load != nullptr);
  return load->tensor;
}

CopyOperand operand_of(const Graph& graph, NodeId id) {
  const Chain chain = chain_of(graph, id);
  const auto* view = std::get_if<nodes::View>(&chain.start->kind);
  RULEC_ASSERT(view != nullptr);
  Function function = function_of(chain);
  RULEC_ASSERT(function.operands.empty());
  CopyOperand operand{source_of(graph, view->of), view->offset, {}, std::move(function.pipeline), function.types};
  for (const nodes::ViewAxis& axis : view->axes) operand.axes.push_back({axis.stride, axis.block});
  return operand;
}

/// A load is a view of all of it, in its own order.
StridedCopy copy_of(const Node& start, const nodes::Placed& placed) {
  StridedCopy copy{{}, 0, placed.offset};
  const auto* view = std::get_if<nodes::View>(&start.kind);
  const bool is_fill = std::holds_alternative<nodes::Fill>(start.kind);
  if (view != nullptr) copy.source_offset = view->offset;
  std::int64_t dense = 1;
  copy.axes.resize(start.shape.size());
  for (std::size_t a = start.shape.size(); a-- > 0;) {
    const std::int64_t stride = is_fill ? 0 : view == nullptr ? dense : view->axes[a].stride;
    copy.axes[a] = {start.shape[a], stride, placed.strides[a]};
    dense *= start.shape[a];
  }
  return copy;
}

/// Drops the axes of one cell, from the operands too.
void drop_units(CopyPiece& piece) {
  for (std::size_t a = piece.copy.axes.size(); a-- > 0;) {
    if (piece.copy.axes[a].extent != 1) continue;
    piece.copy.axes.erase(piece.copy.axes.begin() + static_cast<std::ptrdiff_t>(a));
    for (CopyOperand& operand : piece.operands)
      operand.axes.erase(operand.axes.begin() + static_cast<std::ptrdiff_t>(a));
  }
}

CopyPiece copy_piece(const Graph& graph, const Chain& chain, const nodes::Placed& placed) {
  Function function = function_of(chain);
  CopyPiece piece;
  const auto* view = std::get_if<nodes::View>(&chain.start->kind);
  piece.source = view != nullptr ? source_of(graph, view->of) : std::get<nodes::Load>(chain.start->kind).tensor;
  piece.copy = copy_of(*chain.start, placed);
  piece.pipeline = std::move(function.pipeline);
  piece.types = function.types;
  for (const NodeId operand : function.operands) piece.operands.push_back(operand_of(graph, operand));
  if (piece.operands.empty()) {
    piece.copy = simplified(std::move(piece.copy));
  } else {
    drop_units(piece);
  }
  return piece;
}

/// The steps run on the one number.
FillPiece fill_piece(const Chain& chain, double value, const nodes::Placed& placed) {
  const Function function = function_of(chain);
  std::array<std::byte, 8> arrived{};
  const auto bytes = [](DType dtype) { return static_cast<std::size_t>(bits(dtype)) / 8; };
  apply({}, {DType::F64, DType::F64, chain.start->dtype}, std::as_bytes(std::span(&value, 1)), {},
        std::span(arrived).first(bytes(chain.start->dtype)));
  FillPiece fill;
  apply(function.pipeline, function.types, std::span(arrived).first(bytes(function.types.arrives)), {},
        std::span(fill.element).first(bytes(function.types.stored)));
  fill.copy = simplified(copy_of(*chain.start, placed));
  return fill;
}

TargetTensor target_of(const Graph& graph, const nodes::Store& store) {
  TargetTensor target{graph.targets[store.tensor], {}, {}};
  const auto* assemble = std::get_if<nodes::Assemble>(&graph[store.of].kind);
  RULEC_ASSERT(assemble != nullptr);
  for (const nodes::Placed& placed : assemble->pieces) {
    const Chain chain = chain_of(graph, placed.of);
    if (const auto* fill = std::get_if<nodes::Fill>(&chain.start->kind)) {
      target.fills.push_back(fill_piece(chain, fill->value, placed));
    } else {
      target.copies.push_back(copy_piece(graph, chain, placed));
    }
  }
  return target;
}

}  // namespace

std::vector<TargetTensor> simplify(const Graph& graph) {
  std::vector<TargetTensor> targets;
  for (const Node& node : graph.nodes) {
    if (const auto* store = std::get_if<nodes::Store>(&node.kind)) targets.push_back(target_of(graph, *store));
  }
  return targets;
}

}  // namespace rulec
