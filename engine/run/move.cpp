// SPDX-License-Identifier: Apache-2.0
// A piece with numbers to change is cut into slabs that stay in the cache: gather, run the pipeline, scatter. A slab
// that lies densely in a buffer is used where it lies.
#include "engine/run/move.h"

#include <algorithm>
#include <cstring>

#include "engine/tensor/element_bytes.h"

namespace rulec {
namespace {

/// Elements of a slab: half a megabyte of float32, so that all of it stays in the second cache and rows of a transpose
/// are longer than a cache line.
constexpr std::int64_t SlabElements = std::int64_t{1} << 17;

/// Whether the axes, slowest first, number cells one behind the other.
template <class Stride>
bool is_dense(const std::vector<StridedAxis>& axes, Stride stride) {
  std::int64_t expected = 1;
  for (std::size_t a = axes.size(); a-- > 0;) {
    if (axes[a].extent != 1 && axes[a].*stride != expected) return false;
    expected *= axes[a].extent;
  }
  return true;
}

/// A box of a piece: a range of one axis, single positions of those before it, all of those behind it.
struct Slab {
  StridedCopy copy;
  std::vector<std::int64_t> start;  // by axis of the piece
};

class PieceMover {
 public:
  PieceMover(const CopyPiece& piece, const PiecePart& part, std::span<const std::byte> source,
             std::span<const OperandTensor> operands, std::span<std::byte> target, Scratch& scratch)
      : piece_(piece), part_(part), source_(source), operands_(operands), target_(target), scratch_(scratch) {
    order_.resize(part.copy.axes.size());
    for (std::size_t a = 0; a < order_.size(); ++a) order_[a] = a;
    // Cells go in the order of the source if it is dense there, since then nothing need be gathered.
    std::vector<std::size_t> by_source = order_;
    std::ranges::stable_sort(by_source, std::ranges::greater{},
                             [&](std::size_t a) { return part.copy.axes[a].source_stride; });
    if (is_dense(axes_in(by_source), &StridedAxis::source_stride)) order_ = by_source;
    axes_ = axes_in(order_);
  }

  void run() {
    std::size_t cut = axes_.size();  // the axis that slabs are ranges of
    std::int64_t inner = 1;          // cells behind it
    while (cut > 0 && inner * axes_[cut - 1].extent <= SlabElements) inner *= axes_[--cut].extent;
    Slab slab{{{}, part_.copy.source_offset, part_.copy.target_offset}, {}};
    for (const std::size_t a : order_) slab.start.push_back(part_.first.empty() ? 0 : part_.first[a]);
    if (cut == 0) {
      slab.copy.axes = axes_;
      return move(slab);
    }
    outer(slab, 0, cut - 1, std::max<std::int64_t>(1, SlabElements / inner));
  }

 private:
  std::vector<StridedAxis> axes_in(const std::vector<std::size_t>& order) const {
    std::vector<StridedAxis> axes;
    for (const std::size_t a : order) axes.push_back(part_.copy.axes[a]);
    return axes;
  }

  void outer(const Slab& slab, std::size_t axis, std::size_t cut, std::int64_t step) {
    const StridedAxis& a = axes_[axis];
    const bool is_last = axis == cut;
    for (std::int64_t i = 0; i < a.extent; i += is_last ? step : 1) {
      Slab next = slab;
      next.start[axis] += i;
      next.copy.source_offset += i * a.source_stride;
      next.copy.target_offset += i * a.target_stride;
      if (!is_last) {
        outer(next, axis + 1, cut, step);
        continue;
      }
      next.copy.axes.assign(axes_.begin() + static_cast<std::ptrdiff_t>(axis), axes_.end());
      next.copy.axes.front().extent = std::min(step, a.extent - i);
      move(next);
    }
  }

  void move(const Slab& slab) {
    const StridedCopy& copy = slab.copy;
    const std::int64_t cells = copy.cells();
    if (cells == 0) return;
    const Types& types = piece_.types;
    std::span<const std::byte> in;
    if (is_dense(copy.axes, &StridedAxis::source_stride)) {
      in = source_.subspan(bytes_of(types.arrives, copy.source_offset), bytes_of(types.arrives, cells));
    } else {
      in = gathered(copy, cells);
    }
    const bool lands = is_dense(copy.axes, &StridedAxis::target_stride);
    std::span<std::byte> out;
    if (lands) {
      out = target_.subspan(bytes_of(types.stored, copy.target_offset), bytes_of(types.stored, cells));
    } else {
      scratch_.leaves.resize(bytes_of(types.stored, cells));
      out = scratch_.leaves;
    }
    apply(piece_.pipeline, types, in, operand_bytes(slab, cells), out);
    if (!lands) scatter(copy, out);
  }

  std::span<const std::byte> gathered(const StridedCopy& copy, std::int64_t cells) {
    scratch_.arrived.resize(bytes_of(piece_.types.arrives, cells));
    StridedCopy gather = copy;
    gather.target_offset = 0;
    std::int64_t stride = 1;
    for (std::size_t a = gather.axes.size(); a-- > 0;) {
      gather.axes[a].target_stride = stride;
      stride *= gather.axes[a].extent;
    }
    copy_strided(gather, bits(piece_.types.arrives) / 8, source_, scratch_.arrived);
    return scratch_.arrived;
  }

  void scatter(const StridedCopy& copy, std::span<const std::byte> out) {
    StridedCopy scatter = copy;
    scatter.source_offset = 0;
    std::int64_t stride = 1;
    for (std::size_t a = scatter.axes.size(); a-- > 0;) {
      scatter.axes[a].source_stride = stride;
      stride *= scatter.axes[a].extent;
    }
    copy_strided(scatter, bits(piece_.types.stored) / 8, out, target_);
  }

  std::vector<OperandBytes> operand_bytes(const Slab& slab, std::int64_t cells) {
    std::vector<OperandBytes> result;
    scratch_.operands.resize(std::max(scratch_.operands.size(), operands_.size()));
    scratch_.changed_operands.resize(scratch_.operands.size());
    for (std::size_t o = 0; o < operands_.size(); ++o) {
      std::vector<std::byte>& buffer = scratch_.operands[o];
      buffer.resize(bytes_of(operands_[o].dtype, cells));
      std::byte* out = buffer.data();
      gather_operand(o, slab, 0, piece_.operands[o].offset, out);
      result.push_back(changed(o, buffer, cells));
    }
    return result;
  }

  /// The gathered cells of an operand behind its own pipeline.
  OperandBytes changed(std::size_t o, std::span<const std::byte> gathered, std::int64_t cells) {
    const Types& types = piece_.operands[o].types;
    if (changes_nothing(piece_.operands[o].pipeline, types)) return {types.arrives, gathered};
    std::vector<std::byte>& bytes = scratch_.changed_operands[o];
    bytes.resize(bytes_of(types.stored, cells));
    apply(piece_.operands[o].pipeline, types, gathered, {}, bytes);
    return {types.stored, bytes};
  }

  /// Cells of an operand in the order of the slab; `out` moves on.
  void gather_operand(std::size_t o, const Slab& slab, std::size_t axis, std::int64_t at, std::byte*& out) const {
    const std::size_t size = bytes_of(operands_[o].dtype, 1);
    if (axis == axes_.size()) {
      std::memcpy(out, operands_[o].bytes.data() + static_cast<std::size_t>(at) * size, size);
      out += size;
      return;
    }
    const OperandAxis& along = piece_.operands[o].axes[order_[axis]];
    const std::size_t first = axes_.size() - slab.copy.axes.size();
    const std::int64_t begin = slab.start[axis];
    const std::int64_t end = begin + (axis < first ? 1 : slab.copy.axes[axis - first].extent);
    for (std::int64_t i = begin; i < end; ++i)
      gather_operand(o, slab, axis + 1, at + i / along.block * along.stride, out);
  }

  const CopyPiece& piece_;
  const PiecePart& part_;
  std::span<const std::byte> source_;
  std::span<const OperandTensor> operands_;
  std::span<std::byte> target_;
  Scratch& scratch_;
  std::vector<std::size_t> order_;  // of the piece's axes
  std::vector<StridedAxis> axes_;   // in that order
};

}  // namespace

void move_cells(const CopyPiece& piece, const PiecePart& part, std::span<const std::byte> source,
                std::span<const OperandTensor> operands, std::span<std::byte> target, Scratch& scratch) {
  if (changes_nothing(piece.pipeline, piece.types)) {
    copy_strided(part.copy, bits(piece.types.arrives) / 8, source, target);
    return;
  }
  PieceMover(piece, part, source, operands, target, scratch).run();
}

}  // namespace rulec
