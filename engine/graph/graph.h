// SPDX-License-Identifier: Apache-2.0
// The expression graph of one direction: what every target tensor is made of, down to the source tensors. It is the
// meaning of a pack for one checkpoint; `evaluate` runs it as it stands, `simplify` makes pieces of it that move each
// element once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/pack/pack.h"
#include "engine/scalar/pipeline.h"
#include "engine/tensor/strided.h"

#include <rulec/diagnostics.h>
#include <rulec/store.h>
#include <rulec/tensor.h>

namespace rulec {

enum class NodeId : std::uint32_t {};

namespace nodes {

/// A whole tensor of the source.
struct Load {
  std::size_t tensor = 0;  ///< of Graph::sources
};

/// One axis of a view. Cell x lies `(x / block) * stride` elements behind the first.
struct ViewAxis {
  std::int64_t extent = 1;
  std::int64_t stride = 0;
  std::int64_t block = 1;
};

/// Cells of `of`, picked into a dense piece whose shape is the extents.
struct View {
  NodeId of{};
  std::int64_t offset = 0;  ///< in elements
  std::vector<ViewAxis> axes;
};

/// One op on every element. An `Operand` of the call numbers `operands`, which have the shape of `of`.
struct Apply {
  NodeId of{};
  std::vector<NodeId> operands;
  Call call;
};

/// The same numbers in the node's own dtype, rounded once.
struct Cast {
  NodeId of{};
};

/// One number in every cell: padding, constants.
struct Fill {
  double value = 0;
};

/// Where the cells of a piece lie in the target: one stride for each axis of the piece, in elements.
struct Placed {
  NodeId of{};
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;
};

/// A tensor put together from pieces that cover it.
struct Assemble {
  std::vector<Placed> pieces;
};

/// The result of `of` is the tensor `tensor` of Graph::targets.
struct Store {
  NodeId of{};
  std::size_t tensor = 0;
};

}  // namespace nodes

struct Node {
  DType dtype = DType::F32;
  Shape shape;
  std::variant<nodes::Load, nodes::View, nodes::Apply, nodes::Cast, nodes::Fill, nodes::Assemble, nodes::Store> kind;
};

/// Nodes in evaluation order: a node refers to smaller ids only.
struct Graph {
  SideId to{};
  std::vector<TensorInfo> sources;  ///< those that are read, by name
  std::vector<TensorInfo> targets;  ///< by name; the store of a target follows all that it needs
  std::vector<Node> nodes;

  const Node& operator[](NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }
};

struct GraphOptions {
  std::span<const TensorInfo> source;  ///< the catalogue, sorted by name: types as they arrive, shapes as stored
  std::string where;                   ///< what messages call the source
  std::optional<DType> dtype;          ///< asked for; nothing: what arrives
  bool cast_first = false;             ///< convert on reading, before the hooks
  std::vector<std::string> only;       ///< globs on target names; none: everything
};

/// The graph of every tensor that the rules of `pack` write on side `to`. Constants arrive as float32, unless other
/// pieces of their tensor say otherwise.
///
/// Errors: R0306 a stored shape differs, R0504 pieces of one tensor differ in type, R0215 and R0505 an op cannot work
/// on what arrives, R0610 a source tensor is missing, R0903 a glob of `only` names nothing.
Result<Graph> build_graph(const Pack& pack, SideId to, const GraphOptions& options, Diagnostics& diags);

/// How the cells of `piece` move towards `to`, as one strided copy. Its axes are those of the piece's form. The side
/// that a pad or a constant lacks has stride 0.
StridedCopy strided_copy(const Pack& pack, const Piece& piece, SideId to);

/// Runs the graph node by node, in memory: the definition of what a conversion is. Everything fast is judged by it.
Result<MemoryStore> evaluate(const Graph& graph, const TensorStore& source, Diagnostics& diags);

enum class GraphFormat : std::uint8_t { Text, Json, Dot };

/// The graph, or the part of it that makes the target tensor `only`. Text is for people, one node a line; JSON has the
/// same fields; dot is Graphviz's.
std::string print_graph(const Graph& graph, GraphFormat format, std::optional<std::string_view> only = std::nullopt);

}  // namespace rulec
