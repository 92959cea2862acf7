// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "engine/graph/graph.h"
#include "engine/graph/sources.h"
#include "engine/scalar/op.h"
#include "engine/tensor/name_sets.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// The source tensors that a target needs are all there, in the shapes of the rules: this only wires them up.
class GraphBuilder {
 public:
  GraphBuilder(const Pack& pack, SideId to, const GraphOptions& options, std::vector<std::size_t> places,
               Diagnostics& diags)
      : pack_(pack), to_(to), from_(other(to)), options_(options), places_(std::move(places)), diags_(diags) {
    graph_.to = to;
    loads_.resize(pack.tensors[number(from_)].size());
    for (std::size_t t = 0; t < loads_.size(); ++t) {
      if (places_[t] == NotRead) continue;
      loads_[t].source = graph_.sources.size();
      graph_.sources.push_back(options.source[places_[t]]);
    }
  }

  Result<Graph> build(const std::map<std::size_t, std::vector<const Piece*>>& pieces_of) {
    const std::size_t errors = diags_.errors();
    const std::size_t before = diags_.all().size();
    for (const auto& [tensor, pieces] : pieces_of) target(tensor, pieces);
    diags_.deduplicate(before);
    if (diags_.errors() > errors) return diags_.failed();
    return std::move(graph_);
  }

 private:
  struct LoadState {
    std::size_t source = 0;
    std::optional<NodeId> node;
  };

  /// What a piece's numbers are when they arrive and how they leave.
  struct Trip {
    Pipeline pipeline;
    Types types;
  };

  void target(std::size_t t, const std::vector<const Piece*>& pieces) {
    const Tensor& tensor = pack_.tensors[number(to_)][t];
    const std::optional<DType> stored = stored_of(tensor, pieces);
    if (!stored) return;
    Shape shape = tensor.shape;
    if (!tensor.shape_known) {
      const bool is_whole = shape.empty() && pieces.size() == 1 && pieces.front()->kind == PieceKind::Copy;
      if (!is_whole) {
        report(diags_, pack_.place(to_, t), diag::ShapeMissing, tensor.name)
            .note("it is stacked from tensors whose shapes no rule says")
            .help("give the rule the shapes of both sides");
        return;
      }
      shape = source_of(*pieces.front()).shape;
    }
    nodes::Assemble assemble;
    for (const Piece* piece : pieces) {
      const StridedCopy copy = tensor.shape_known ? ordered(strided_copy(pack_, *piece, to_)) : whole_copy(shape);
      const std::optional<NodeId> node = this->piece(*piece, copy, *stored, tensor.name);
      if (!node) return;
      nodes::Placed placed{*node, copy.target_offset, {}};
      for (const StridedAxis& axis : copy.axes) placed.strides.push_back(axis.target_stride);
      assemble.pieces.push_back(std::move(placed));
    }
    const NodeId whole = add({*stored, shape, std::move(assemble)});
    add({*stored, shape, nodes::Store{whole, graph_.targets.size()}});
    graph_.targets.push_back({tensor.name, *stored, shape});
  }

  /// A rule without shapes copies whatever is stored.
  static StridedCopy whole_copy(const Shape& shape) {
    StridedCopy copy;
    copy.axes.resize(shape.size());
    std::int64_t stride = 1;
    for (std::size_t d = shape.size(); d-- > 0;) {
      copy.axes[d] = {shape[d], stride, stride};
      stride *= shape[d];
    }
    return copy;
  }

  /// The axes as the target has them, the slowest first.
  static StridedCopy ordered(StridedCopy copy) {
    std::ranges::stable_sort(copy.axes, std::ranges::greater{}, &StridedAxis::target_stride);
    return copy;
  }

  // ---- types --------------------------------------------------------------------------------------------------------

  const TensorInfo& source_of(const Piece& piece) const {
    return options_.source[places_[static_cast<std::size_t>(piece.tensor[number(from_)])]];
  }

  const TensorInfo& info_of(const PieceOperand& operand) const { return options_.source[places_[operand.tensor]]; }

  const Numbers& numbers_of(const Piece& piece) const { return pack_.numbers[pack_.forms[piece.form].numbers]; }

  Pipeline pipeline_of(const Piece& piece) const { return numbers_of(piece).towards[number(to_)].value_or(Pipeline{}); }

  Trip trip_of(const Piece& piece, DType arrives) const {
    Pipeline pipeline = pipeline_of(piece);
    const Types types = types_of(pipeline, arrives, options_.dtype, options_.cast_first);
    return {std::move(pipeline), types};
  }

  /// A constant is a number of float32, whatever type is asked for: only a `cast` of its own changes that.
  Trip constant_trip(const Piece& piece) const {
    Pipeline pipeline = pipeline_of(piece);
    const Types types = types_of(pipeline, DType::F32, std::nullopt, false);
    return {std::move(pipeline), types};
  }

  /// An operand is read in the type that it is stored in, whatever type is asked for.
  Trip operand_trip(const Piece& piece, std::size_t operand) const {
    const Pipeline& pipeline = numbers_of(piece).operands[operand];
    return {pipeline, types_of(pipeline, info_of(piece.operands[operand]).dtype, std::nullopt)};
  }

  /// The stored type of a tensor: its copies decide, else its constants, else it is all padding.
  std::optional<DType> stored_of(const Tensor& tensor, const std::vector<const Piece*>& pieces) {
    const Piece* first = nullptr;
    DType dtype = DType::F32;
    for (const Piece* piece : pieces) {
      if (piece->kind != PieceKind::Copy) continue;
      const DType stored = trip_of(*piece, source_of(*piece).dtype).types.stored;
      if (first == nullptr) {
        first = piece;
        dtype = stored;
      } else if (stored != dtype) {
        report_mixed(tensor, *first, *piece, dtype, stored);
        return std::nullopt;
      }
    }
    if (first != nullptr) return dtype;
    for (const Piece* piece : pieces) {
      if (piece->kind == PieceKind::Constant) return constant_trip(*piece).types.stored;
    }
    return options_.dtype.value_or(DType::F32);
  }

  void report_mixed(const Tensor& tensor, const Piece& first, const Piece& second, DType a, DType b) {
    report(diags_, pack_.place(to_, *pack_.find(to_, tensor.name)), diag::MixedTypes, tensor.name, rule_name(a),
           rule_name(b))
        .note(fmt::format("`{}` is stored as {}, `{}` as {}", source_of(first).name, rule_name(source_of(first).dtype),
                          source_of(second).name, rule_name(source_of(second).dtype)))
        .help("ask for one type for all: `--dtype`");
  }

  /// Whether the pipeline can run; asked once for each combination of pipeline and types.
  bool check(const Piece& piece, const Trip& trip, std::string_view name) {
    std::vector<DType> operands;
    for (const PieceOperand& operand : piece.operands) operands.push_back(info_of(operand).dtype);
    const auto [at, is_new] =
        checked_.try_emplace({pack_.forms[piece.form].numbers, trip.types.arrives, operands}, true);
    if (!is_new) return at->second;
    at->second = check_operands(piece, operands) &&
                 static_cast<bool>(check_types(trip.pipeline, trip.types, operands, name, diags_)) &&
                 check_bytes(piece, name, trip.types.arrives);
    return at->second;
  }

  /// Elements are copied one by one.
  bool check_bytes(const Piece& piece, std::string_view name, DType stored) {
    if (bits(stored) % 8 == 0) return true;
    report(diags_, pack_.families[piece.family].span, diag::OpType, "a rule", "elements of whole bytes", name,
           rule_name(stored));
    return false;
  }

  /// Whether the operands' own pipelines can run; `dtypes`, as stored, become those that the piece's pipeline sees.
  bool check_operands(const Piece& piece, std::vector<DType>& dtypes) {
    bool good = true;
    for (std::size_t o = 0; o < piece.operands.size(); ++o) {
      const Trip trip = operand_trip(piece, o);
      const TensorInfo& info = info_of(piece.operands[o]);
      good &= check_bytes(piece, info.name, info.dtype) &&
              static_cast<bool>(check_types(trip.pipeline, trip.types, {}, info.name, diags_));
      dtypes[o] = trip.types.stored;
    }
    return good;
  }

  // ---- nodes --------------------------------------------------------------------------------------------------------

  NodeId add(Node node) {
    graph_.nodes.push_back(std::move(node));
    return NodeId(static_cast<std::uint32_t>(graph_.nodes.size() - 1));
  }

  NodeId load(std::size_t tensor) {
    LoadState& state = loads_[tensor];
    if (!state.node) {
      const TensorInfo& info = graph_.sources[state.source];
      state.node = add({info.dtype, info.shape, nodes::Load{state.source}});
    }
    return *state.node;
  }

  /// The piece as it leaves, dense, its axes in the order of `copy`.
  std::optional<NodeId> piece(const Piece& piece, const StridedCopy& copy, DType stored, std::string_view target) {
    Shape shape;
    for (const StridedAxis& axis : copy.axes) shape.push_back(axis.extent);
    if (piece.kind == PieceKind::Pad) return add({stored, shape, nodes::Fill{0}});
    if (piece.kind == PieceKind::Constant) {
      const Trip trip = constant_trip(piece);
      if (!check(piece, trip, target)) return std::nullopt;
      return cast(run(add({trip.types.arrives, shape, nodes::Fill{piece.constant}}), trip, {}), stored);
    }
    const Trip trip = trip_of(piece, source_of(piece).dtype);
    if (!check(piece, trip, source_of(piece).name)) return std::nullopt;
    nodes::View view{load(static_cast<std::size_t>(piece.tensor[number(from_)])), copy.source_offset, {}};
    for (const StridedAxis& axis : copy.axes) view.axes.push_back({axis.extent, axis.source_stride, 1});
    const NodeId cells = add({trip.types.arrives, shape, std::move(view)});
    return run(cells, trip, operand_nodes(piece, shape));
  }

  /// The operands as the piece's pipeline reads them.
  std::vector<NodeId> operand_nodes(const Piece& piece, const Shape& shape) {
    std::vector<NodeId> result;
    const std::vector<std::size_t> order = target_order(piece);
    for (std::size_t o = 0; o < piece.operands.size(); ++o) {
      const PieceOperand& operand = piece.operands[o];
      nodes::View view{load(operand.tensor), operand.offset, {}};
      for (std::size_t i = 0; i < order.size(); ++i) {
        const OperandAxis& axis = operand.axes[order[i]];
        view.axes.push_back({shape[i], axis.stride, axis.block});
      }
      const DType dtype = graph_[view.of].dtype;
      result.push_back(run(add({dtype, shape, std::move(view)}), operand_trip(piece, o), {}));
    }
    return result;
  }

  /// The axes of the piece's form in the order of `ordered`.
  std::vector<std::size_t> target_order(const Piece& piece) const {
    const std::vector<PieceAxis>& axes = pack_.forms[piece.form].axes;
    std::vector<std::size_t> order(axes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return axes[i].stride[number(to_)]; });
    return order;
  }

  NodeId cast(NodeId of, DType to) {
    if (graph_[of].dtype == to) return of;
    return add({to, Shape(graph_[of].shape), nodes::Cast{of}});
  }

  NodeId run(NodeId start, const Trip& trip, const std::vector<NodeId>& operands) {
    NodeId at = cast(start, trip.types.working);
    for (const Call& call : trip.pipeline) {
      const DType after = type_after(call, graph_[at].dtype);
      if (call.op == &ops::Cast) {
        at = cast(at, after);
        continue;
      }
      nodes::Apply apply{at, {}, call};
      for (CallArgument& argument : apply.call.arguments) {
        auto* operand = std::get_if<Operand>(&argument);
        if (operand == nullptr) continue;
        apply.operands.push_back(operands.at(operand->number));
        operand->number = apply.operands.size() - 1;
      }
      at = add({after, Shape(graph_[at].shape), std::move(apply)});
    }
    return cast(at, trip.types.stored);
  }

  const Pack& pack_;
  SideId to_;
  SideId from_;
  const GraphOptions& options_;
  std::vector<std::size_t> places_;  // in the catalogue, of the pack's source tensors
  Diagnostics& diags_;
  std::vector<LoadState> loads_;
  std::map<std::tuple<std::size_t, DType, std::vector<DType>>, bool> checked_;
  Graph graph_;
};

}  // namespace

StridedCopy strided_copy(const Pack& pack, const Piece& piece, SideId to) {
  const std::size_t target = number(to);
  const std::size_t source = number(other(to));
  StridedCopy copy{{}, piece.offset[source], piece.offset[target]};
  for (const PieceAxis& axis : pack.forms[piece.form].axes) {
    copy.axes.push_back({axis.extent, axis.stride[source], axis.stride[target]});
  }
  return copy;
}

Result<Graph> build_graph(const Pack& pack, SideId to, const GraphOptions& options, Diagnostics& diags) {
  std::map<std::size_t, std::vector<const Piece*>> pieces_of;
  for (const Piece& piece : pack.pieces) {
    const std::int32_t target = piece.tensor[number(to)];
    if (target < 0 || !pack.families[piece.family].writes(to)) continue;
    const auto t = static_cast<std::size_t>(target);
    if (is_wanted(pack.tensors[number(to)][t].name, options.only)) pieces_of[t].push_back(&piece);
  }
  for (const std::string& glob : options.only) {
    const bool names_one = std::ranges::any_of(
        pieces_of, [&](const auto& entry) { return glob_matches(glob, pack.tensors[number(to)][entry.first].name); });
    if (!names_one) {
      return report(diags, std::monostate{}, diag::Usage, fmt::format("the rules write no tensor `{}`", glob))
          .help(std::string(GlobHelp));
    }
  }
  Result<std::vector<std::size_t>> places = find_sources(pack, to, pieces_of, options, diags);
  if (!places) return diags.failed();
  return GraphBuilder(pack, to, options, *std::move(places), diags).build(pieces_of);
}

}  // namespace rulec
