// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/recut.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/plan/drafts.h"
#include "engine/plan/window.h"
#include "engine/tensor/element_bytes.h"

namespace rulec {
namespace {

/// Of what one pass is estimated to take, two must take less: they need room on the disk, too.
constexpr double WorthIt = 0.6;
/// Each is some objects in memory while the work is planned and done.
constexpr std::uint64_t MostChunks = std::uint64_t{1} << 16U;

/// What is read or written in one piece of either pass, at most: others are in memory beside it.
std::uint64_t slab_bytes(const PlanOptions& options) {
  return options.memory_bytes / 3;
}

/// The cells of each piece, at most `most`, so that the last one is as large as the others, or nearly: that it costs as
/// much in any case. Sizes of models have many divisors.
std::int64_t evenly(std::int64_t all, std::int64_t most) {
  constexpr std::int64_t Tried = 4096;
  for (std::int64_t extent = most; extent > std::max(most / 2, most - Tried); --extent) {
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
      const Chunks chunks = chunks_of(t);
      if (chunks.empty() || (!options_.force && !is_worth_it(t, chunks))) continue;
      chunks_.insert(chunks.begin(), chunks.end());
    }
    return options_.force ? all() : largest();
  }

 private:
  using Chunks = std::map<std::size_t, Shape>;  // by source

  std::vector<Recut> all() const {
    std::vector<Recut> recuts;
    for (const auto& [source, chunk] : chunks_) recuts.push_back({source, chunk});
    return recuts;
  }

  /// One, the largest: of a model with many such tensors, the scratch file would else be as large as the model.
  std::vector<Recut> largest() const {
    const std::vector<Recut> recuts = all();
    const auto bytes = [&](const Recut& recut) { return input_.sources[recut.source].bytes(); };
    const auto most = std::ranges::max_element(recuts, {}, bytes);
    return most == recuts.end() ? std::vector<Recut>() : std::vector{*most};
  }

  /// Whether two passes are, where these sources are cut anew.
  bool is_worth_it(std::size_t t, const Chunks& chunks) const {
    // The target's bytes are read and written; those of sources that are cut anew are read and written before, and not
    // read at the full rate.
    double two = 2 * static_cast<double>(input_.targets[t].info.bytes());
    for (const auto& [source, chunk] : chunks) {
      const TensorInfo& info = input_.sources[source];
      const std::uint64_t chunk_bytes = bytes_of(info.dtype, *cells(chunk));
      if (info.bytes() / chunk_bytes > MostChunks) return false;
      const auto bytes = static_cast<double>(info.bytes());
      two += bytes * (1 + 1 / read_rate(chunk_bytes));
    }
    return two < WorthIt * choose_window(input_, t, options_).cost;
  }

  /// New chunks of the sources of a target that memory does not hold: what a slab of the source and one of the target
  /// have in common. None for those of which the target skips cells, since what lies between is read with them.
  Chunks chunks_of(std::size_t t) const {
    const TargetTensor& target = input_.targets[t];
    Chunks chunks;
    if (!options_.force && target.info.bytes() <= slab_bytes(options_)) return chunks;
    const Shape& shape = target.info.shape;
    const Shape slab = slab_of(input_.writer->form(t).chunk, target.info.dtype, slab_bytes(options_));
    for (const std::size_t copy : input_.maps[t].by_source) {
      const std::size_t source = target.copies[copy].source;
      const TensorInfo& info = input_.sources[source];
      if (chunks.contains(source) || (!options_.force && info.bytes() <= options_.memory_bytes)) continue;
      const ChunkForm form = input_.reader->form(source);
      if (!form.is_raw || form.chunk != info.shape) continue;
      Shape chunk = options_.force ? halves(info.shape) : slab_of(info.shape, info.dtype, slab_bytes(options_));
      // A slab of the target that has cells of this source begins where the copy does.
      Box box{bounds(input_.maps[t].copies[copy], MapEnd::Target).begin, {}};
      for (std::size_t axis = 0; axis < shape.size(); ++axis)
        box.end.push_back(std::min(shape[axis], box.begin[axis] + slab[axis]));
      bool is_dense = true;
      for (const CellMap& part : restricted(input_.maps[t].copies[copy], MapEnd::Target, box)) {
        const Shape read = bounds(part, MapEnd::Source).shape();
        is_dense = is_dense && *cells(read) == part.cells();
        for (std::size_t axis = 0; axis < chunk.size(); ++axis) chunk[axis] = std::min(chunk[axis], read[axis]);
      }
      // Chunks at the edges take as much room as the others.
      for (std::size_t axis = 0; axis < chunk.size(); ++axis)
        chunk[axis] = divided_up(info.shape[axis], divided_up(info.shape[axis], chunk[axis]));
      if ((is_dense || options_.force) && chunk != info.shape) chunks.emplace(source, std::move(chunk));
    }
    return chunks;
  }

  static Shape halves(Shape shape) {
    for (std::int64_t& extent : shape) extent = divided_up(extent, 2);
    return shape;
  }

  const PlanInput& input_;
  const PlanOptions& options_;
  Chunks chunks_;
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
      if (slab[axis] < info.shape[axis]) slab[axis] = std::max<std::int64_t>(1, slab[axis] / chunk[axis]) * chunk[axis];
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
