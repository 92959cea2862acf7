// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/recut.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/plan/drafts.h"
#include "engine/plan/window.h"
#include "engine/tensor/element_bytes.h"

namespace rulec {
namespace {

/// Of what one pass is estimated to take, two have to take less: they need room on the disk, too.
constexpr double WorthIt = 0.8;

/// What is read or written in one piece of either pass, at most: others are in memory beside it.
std::uint64_t slab_bytes(const PlanOptions& options) {
  return options.memory_bytes / 4;
}

/// At most `most` of `all` cells, as many in each piece as can be: the last one costs as much as the others.
std::int64_t evenly(std::int64_t all, std::int64_t most) {
  for (std::int64_t extent = most; extent > most / 2; --extent) {
    if (all % extent == 0) return extent;
  }
  return divided_up(all, divided_up(all, most));
}

/// The extents of boxes that are cut from a tensor along its first axes, so that each is one range, or all of the
/// chunks that it has cells of; a cell along an axis at least.
Shape slab_of(Shape extents, DType dtype, std::uint64_t most) {
  for (std::int64_t& extent : extents) {
    const std::uint64_t bytes = bytes_of(dtype, *cells(extents));
    if (bytes <= most) break;
    const std::uint64_t row = bytes / static_cast<std::uint64_t>(extent);
    extent = row > most ? 1 : evenly(extent, static_cast<std::int64_t>(most / row));
  }
  return extents;
}

class Finder {
 public:
  Finder(const PlanInput& input, const PlanOptions& options) : input_(input), options_(options) {}

  std::vector<Recut> find() {
    for (std::size_t t = 0; t < input_.targets.size(); ++t) {
      if (options_.force ? *options_.force == Strategy::TwoPass : is_slow(t)) recut(t);
    }
    std::vector<Recut> all;
    for (auto& [source, chunk] : chunks_) all.push_back({source, std::move(chunk)});
    return all;
  }

 private:
  /// Whether two passes are worth it for a target.
  bool is_slow(std::size_t t) const {
    const TargetTensor& target = input_.targets[t];
    if (target.info.bytes() <= slab_bytes(options_)) return false;
    const std::map<std::size_t, Shape> chunks = chunks_of(t);
    if (chunks.empty()) return false;
    const double one = choose_window(input_, t, options_).cost;
    double two = static_cast<double>(target.info.bytes());
    for (const auto& [source, chunk] : chunks) {
      const TensorInfo& info = input_.sources[source];
      const auto bytes = static_cast<double>(info.bytes());
      two += 2 * bytes + bytes / read_rate(bytes_of(info.dtype, *cells(chunk)));
    }
    return two < WorthIt * one;
  }

  void recut(std::size_t t) {
    for (auto& [source, chunk] : chunks_of(t)) chunks_.emplace(source, std::move(chunk));
  }

  /// New chunks of the sources that a target has cells of: what a slab of the source and one of the target have in
  /// common.
  std::map<std::size_t, Shape> chunks_of(std::size_t t) const {
    const TargetTensor& target = input_.targets[t];
    const Shape& shape = target.info.shape;
    const Shape slab = slab_of(input_.writer->form(t).chunk, target.info.dtype, slab_bytes(options_));
    std::map<std::size_t, Shape> chunks;
    for (const std::size_t copy : input_.maps[t].by_source) {
      const std::size_t source = target.copies[copy].source;
      const TensorInfo& info = input_.sources[source];
      const ChunkForm form = input_.reader->form(source);
      if (!form.is_raw || form.chunk != info.shape || chunks.contains(source)) continue;
      // What fits into memory is read whole, along whichever axis.
      if (!options_.force && info.bytes() <= slab_bytes(options_)) continue;
      Shape chunk = options_.force ? halves(info.shape) : slab_of(info.shape, info.dtype, slab_bytes(options_));
      // A slab of the target that has cells of this source begins where the copy does.
      Box box{bounds(input_.maps[t].copies[copy], MapEnd::Target).begin, {}};
      for (std::size_t axis = 0; axis < shape.size(); ++axis)
        box.end.push_back(std::min(shape[axis], box.begin[axis] + slab[axis]));
      for (const CellMap& part : restricted(input_.maps[t].copies[copy], MapEnd::Target, box)) {
        const Shape read = bounds(part, MapEnd::Source).shape();
        for (std::size_t axis = 0; axis < chunk.size(); ++axis) chunk[axis] = std::min(chunk[axis], read[axis]);
      }
      if (chunk != info.shape) chunks.emplace(source, std::move(chunk));
    }
    return chunks;
  }

  static Shape halves(Shape shape) {
    for (std::int64_t& extent : shape) extent = divided_up(extent, 2);
    return shape;
  }

  const PlanInput& input_;
  const PlanOptions& options_;
  std::map<std::size_t, Shape> chunks_;  // by source
};

}  // namespace

std::vector<Recut> find_recuts(const PlanInput& input, const PlanOptions& options) {
  return Finder(input, options).find();
}

Result<Plan> plan_first_pass(const PlanInput& input, const PlanOptions& options, Diagnostics& diags) {
  std::vector<UnitDraft> drafts;
  for (std::size_t t = 0; t < input.targets.size(); ++t) {
    const TensorInfo& info = input.targets[t].info;
    const std::size_t source = input.targets[t].copies.front().source;
    const Shape chunk = input.writer->form(t).chunk;
    const std::uint64_t chunk_bytes = bytes_of(info.dtype, *cells(chunk));
    Shape slab = slab_of(info.shape, info.dtype, slab_bytes(options));
    for (std::size_t axis = 0; axis < slab.size(); ++axis) {
      if (slab[axis] < info.shape[axis]) slab[axis] = slab[axis] / chunk[axis] * chunk[axis];
    }
    for (const Box& box : windows_of(info.shape, slab)) {
      UnitDraft& draft = drafts.emplace_back();
      draft.boxes.push_back({source, box});
      for (Block& block : blocks_of(t, box, chunk)) {
        block = whole_chunk(std::move(block), chunk);
        block.at = draft.targets.size() * chunk_bytes;
        draft.readers.push_back({source, draft.targets.size()});
        draft.targets.push_back(std::move(block));
      }
      draft.range =
          StoredRange{*input.writer->place(t, draft.targets.front().chunk), draft.targets.size() * chunk_bytes};
    }
  }
  return make_plan(input, options, std::move(drafts), diags);
}

}  // namespace rulec
