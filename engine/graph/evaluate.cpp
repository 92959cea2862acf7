// SPDX-License-Identifier: Apache-2.0
// Two interpreters, one meaning: this is the slow one. One loop over the nodes, plain loops over cells.
#include <cstring>
#include <utility>

#include "engine/graph/graph.h"
#include "engine/tensor/element_bytes.h"
#include "grammar/internal_error.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

using Bytes = std::vector<std::byte>;

/// Calls `visit(cell, position)` for every cell of `shape`, row-major.
template <class Visit>
void each_cell(const Shape& shape, const Visit& visit) {
  const std::int64_t count = *cells(shape);
  std::vector<std::int64_t> position(shape.size(), 0);
  for (std::int64_t cell = 0; cell < count; ++cell) {
    visit(static_cast<std::size_t>(cell), position);
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++position[d] < shape[d]) break;
      position[d] = 0;
    }
  }
}

class Evaluation {
 public:
  Evaluation(const Graph& graph, const TensorStore& source, Diagnostics& diags)
      : graph_(graph), source_(source), diags_(diags) {}

  Result<MemoryStore> run() {
    MemoryStore result;
    for (const Node& node : graph_.nodes) {
      if (const auto* load = std::get_if<nodes::Load>(&node.kind)) {
        if (!read(*load)) return diags_.failed();
        continue;
      }
      if (const auto* store = std::get_if<nodes::Store>(&node.kind))
        result.put(graph_.targets[store->tensor], at(store->of));
      values_.push_back(value(node));
    }
    return result;
  }

 private:
  const Bytes& at(NodeId id) const { return values_[static_cast<std::size_t>(id)]; }

  Status read(const nodes::Load& load) {
    const TensorInfo& info = graph_.sources[load.tensor];
    const auto index = find_tensor(source_.tensors(), info.name);
    RULEC_ASSERT(index && source_.tensors()[*index] == info);
    Bytes bytes(info.bytes());
    const Status status = source_.read(*index, 0, bytes, diags_);
    values_.push_back(std::move(bytes));
    return status;
  }

  Bytes value(const Node& node) const {
    return std::visit(Overloaded{
                          [](const nodes::Load&) { return Bytes{}; },
                          [&](const nodes::View& n) { return view(node, n); },
                          [&](const nodes::Apply& n) { return applied(node, n); },
                          [&](const nodes::Cast& n) { return cast(at(n.of), graph_[n.of].dtype, node.dtype); },
                          [&](const nodes::Fill& n) { return filled(node, n.value); },
                          [&](const nodes::Assemble& n) { return assembled(node, n); },
                          [](const nodes::Store&) { return Bytes{}; },
                      },
                      node.kind);
  }

  Bytes view(const Node& node, const nodes::View& view) const {
    const std::size_t size = element_bytes(node.dtype);
    Bytes result(*byte_size(node.dtype, node.shape));
    each_cell(node.shape, [&](std::size_t cell, const std::vector<std::int64_t>& position) {
      std::int64_t from = view.offset;
      for (std::size_t d = 0; d < position.size(); ++d) from += position[d] / view.axes[d].block * view.axes[d].stride;
      const auto begin = static_cast<std::size_t>(from) * size;
      RULEC_ASSERT(from >= 0 && begin + size <= at(view.of).size());
      std::memcpy(&result[cell * size], &at(view.of)[begin], size);
    });
    return result;
  }

  Bytes applied(const Node& node, const nodes::Apply& n) const {
    std::vector<OperandBytes> operands;
    for (const NodeId operand : n.operands) operands.push_back({graph_[operand].dtype, at(operand)});
    const DType running = graph_[n.of].dtype;
    Bytes result(*byte_size(node.dtype, node.shape));
    apply({n.call}, {running, running, node.dtype}, at(n.of), operands, result);
    return result;
  }

  static Bytes cast(std::span<const std::byte> bytes, DType from, DType to) {
    Bytes result(bytes.size() / element_bytes(from) * element_bytes(to));
    apply({}, {from, from, to}, bytes, {}, result);
    return result;
  }

  static Bytes filled(const Node& node, double value) {
    const std::vector<double> values(static_cast<std::size_t>(*cells(node.shape)), value);
    return cast(std::as_bytes(std::span(values)), DType::F64, node.dtype);
  }

  Bytes assembled(const Node& node, const nodes::Assemble& assemble) const {
    const std::size_t size = element_bytes(node.dtype);
    Bytes result(*byte_size(node.dtype, node.shape));
    for (const nodes::Placed& placed : assemble.pieces) {
      each_cell(graph_[placed.of].shape, [&](std::size_t cell, const std::vector<std::int64_t>& position) {
        std::int64_t to = placed.offset;
        for (std::size_t d = 0; d < position.size(); ++d) to += position[d] * placed.strides[d];
        const auto begin = static_cast<std::size_t>(to) * size;
        RULEC_ASSERT(to >= 0 && begin + size <= result.size());
        std::memcpy(&result[begin], &at(placed.of)[cell * size], size);
      });
    }
    return result;
  }

  const Graph& graph_;
  const TensorStore& source_;
  Diagnostics& diags_;
  std::vector<Bytes> values_;
};

}  // namespace

Result<MemoryStore> evaluate(const Graph& graph, const TensorStore& source, Diagnostics& diags) {
  return Evaluation(graph, source, diags).run();
}

}  // namespace rulec
