// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/drafts.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/plan/batches.h"
#include "engine/plan/budget.h"
#include "engine/plan/window.h"
#include "engine/tensor/element_bytes.h"

namespace rulec {
namespace {

/// Reads shorter than this are worth some memory to avoid.
constexpr std::uint64_t ShortRead = std::uint64_t{256} << 10U;
/// A buffer to be written has at most so many bytes, if it need not be one.
constexpr std::uint64_t WriteBytes = std::uint64_t{32} << 20U;

class Drafter {
 public:
  Drafter(const PlanInput& input, const PlanOptions& options) : input_(input), options_(options) {}

  std::vector<UnitDraft> drafts() {
    choose_windows();
    find_open_groups();
    for (std::size_t t = 0; t < input_.targets.size(); ++t) {
      if (!windows_[t].extents.empty() || input_.targets[t].info.shape.empty()) draft(t);
    }
    drafts_ = batched(std::move(drafts_), input_, options_);
    return in_order();
  }

 private:
  /// By their places. A draft is large, so that positions are sorted.
  std::vector<UnitDraft> in_order() {
    std::vector<std::size_t> order(drafts_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return drafts_[i].place; });
    std::vector<UnitDraft> sorted;
    sorted.reserve(order.size());
    for (const std::size_t i : order) sorted.push_back(std::move(drafts_[i]));
    return sorted;
  }

  bool has_cells(std::size_t t) const { return *cells(input_.targets[t].info.shape) > 0; }

  void choose_windows() {
    // Layers are alike: what was found for one holds for all.
    using Signature = std::tuple<DType, Shape, Shape, std::vector<std::tuple<StridedCopy, DType, Shape, Shape>>>;
    std::vector<std::pair<Signature, std::size_t>> seen;
    windows_.resize(input_.targets.size());
    for (std::size_t t = 0; t < input_.targets.size(); ++t) {
      const TargetTensor& target = input_.targets[t];
      if (!has_cells(t)) continue;
      if (options_.force) {
        windows_[t] = forced(t);
        continue;
      }
      if (is_small(t)) {
        windows_[t] = {target.info.shape, shortest_read(t), target.info.bytes()};
        continue;
      }
      constexpr std::size_t FewCopies = 8;
      if (target.copies.size() > FewCopies) {
        windows_[t] = choose_window(input_, t, options_);
        continue;
      }
      Signature signature{target.info.dtype, target.info.shape, input_.writer->form(t).chunk, {}};
      for (const CopyPiece& copy : target.copies) {
        const TensorInfo& source = input_.sources[copy.source];
        std::get<3>(signature).emplace_back(copy.copy, source.dtype, source.shape,
                                            input_.reader->form(copy.source).chunk);
      }
      auto known = std::ranges::find(seen, signature, &std::pair<Signature, std::size_t>::first);
      if (known == seen.end()) {
        windows_[t] = choose_window(input_, t, options_);
        seen.emplace_back(std::move(signature), t);
        if (seen.size() > 64) seen.erase(seen.begin());
      } else {
        windows_[t] = windows_[known->second];
      }
    }
  }

  /// All of it and of its sources is less than what is read at once anyway.
  bool is_small(std::size_t t) const {
    std::uint64_t bytes = input_.targets[t].info.bytes();
    for (const CopyPiece& copy : input_.targets[t].copies) {
      if (!input_.reader->form(copy.source).is_raw) return false;
      bytes += bytes_of(input_.sources[copy.source].dtype, copy.copy.cells());
      if (bytes > options_.load_bytes) return false;
    }
    return true;
  }

  /// Of what a small target reads, the shortest run that is not all that it reads of a tensor.
  std::uint64_t shortest_read(std::size_t t) const {
    std::uint64_t shortest = std::numeric_limits<std::uint64_t>::max();
    for (const std::size_t copy : input_.maps[t].by_source) {
      const std::size_t source = input_.targets[t].copies[copy].source;
      const Shape box = bounds(input_.maps[t].copies[copy], MapEnd::Source).shape();
      const std::int64_t run = run_cells(box, input_.reader->form(source).chunk);
      if (run < *cells(box)) shortest = std::min<std::uint64_t>(shortest, bytes_of(input_.sources[source].dtype, run));
    }
    return shortest;
  }

  Window forced(std::size_t t) const {
    const Shape& shape = input_.targets[t].info.shape;
    const ChunkForm form = input_.writer->form(t);
    Window window{shape, 0, input_.targets[t].info.bytes()};
    if (shape.empty() || options_.force == Strategy::Whole || options_.force == Strategy::Open) return window;
    const auto unit = [&](std::size_t axis) {
      return std::min(shape[axis], form.is_raw ? std::int64_t{1} : form.chunk[axis]);
    };
    switch (*options_.force) {
      case Strategy::Stream:
        window.extents.front() = unit(0);
        break;
      case Strategy::Scatter:
        window.extents.back() = unit(shape.size() - 1);
        break;
      default:
        for (std::size_t axis = 0; axis < shape.size(); ++axis)
          window.extents[axis] = std::min(shape[axis], unit(axis) * 2);
    }
    return window;
  }

  /// Targets that are made of short runs of the same sources: if they fit into memory together, each source is read
  /// once from end to end.
  void find_open_groups() {
    if (options_.force && options_.force != Strategy::Open) return;
    if (std::ranges::none_of(windows_, [](const Window& window) { return window.read_run < ShortRead; })) return;
    std::map<std::size_t, std::vector<std::size_t>> users;
    for (std::size_t t = 0; t < input_.targets.size(); ++t) {
      for (const std::size_t source : sources_of(t)) users[source].push_back(t);
    }
    std::set<std::size_t> done;
    for (std::size_t t = 0; t < input_.targets.size(); ++t) {
      if (!has_cells(t) || windows_[t].read_run >= ShortRead || done.contains(t)) continue;
      std::set<std::size_t> group = {t};
      std::vector<std::size_t> to_visit = {t};
      std::uint64_t bytes = 0;
      bool fits = true;
      while (!to_visit.empty() && fits) {
        const std::size_t one = to_visit.back();
        to_visit.pop_back();
        for (const Block& block : target_blocks(one, whole(one)))
          bytes += buffer_room(block_bytes(one, block), input_.writer->stored_bytes(one));
        fits = bytes <= options_.memory_bytes / 16 * 11;
        for (const std::size_t source : sources_of(one)) {
          fits = fits && input_.reader->form(source).is_raw;
          for (const std::size_t user : users[source]) {
            if (group.insert(user).second) to_visit.push_back(user);
          }
        }
      }
      if (!fits || group.size() < 2) continue;
      done.insert(group.begin(), group.end());
      UnitDraft draft;
      draft.strategy = Strategy::Open;
      for (const std::size_t one : group) {
        add(draft, one, whole(one));
        windows_[one] = {};
        is_done_.insert(one);
      }
      finish(std::move(draft));
    }
  }

  std::set<std::size_t> sources_of(std::size_t t) const {
    std::set<std::size_t> sources;
    for (const std::size_t copy : input_.maps[t].by_source) sources.insert(input_.targets[t].copies[copy].source);
    return sources;
  }

  Box whole(std::size_t t) const {
    const Shape& shape = input_.targets[t].info.shape;
    return {Shape(shape.size()), shape};
  }

  std::uint64_t block_bytes(std::size_t t, const Block& block) const {
    return buffer_bytes(block, input_.targets[t].info.dtype);
  }

  std::vector<Block> target_blocks(std::size_t t, const Box& window) const {
    const ChunkForm form = input_.writer->form(t);
    std::vector<Block> blocks = blocks_of(t, window, form.chunk);
    for (Block& block : blocks) {
      // A chunk that is made whole is written whole, what lies beyond the edge with it.
      if (fills_chunk(block, form.chunk, input_.targets[t].info.shape))
        block = whole_chunk(std::move(block), form.chunk);
    }
    if (!form.is_raw) return blocks;
    // What was written gives its memory back, while the rest of a large part is still on its way.
    std::vector<Block> parts;
    for (Block& block : blocks) {
      if (!block.wider && block_bytes(t, block) > WriteBytes) {
        std::ranges::move(cut(block, input_.targets[t].info.dtype, WriteBytes), std::back_inserter(parts));
      } else {
        parts.push_back(std::move(block));
      }
    }
    return parts;
  }

  void draft(std::size_t t) {
    if (!has_cells(t) || is_done_.contains(t)) return;
    const Window& window = windows_[t];
    const std::vector<Box> boxes = windows_of(input_.targets[t].info.shape, window.extents);
    const Strategy strategy = is_recut(t) ? Strategy::TwoPass : strategy_of(window, boxes.size());
    for (const Box& box : boxes) {
      UnitDraft draft;
      draft.strategy = strategy;
      add(draft, t, box);
      finish(std::move(draft));
    }
  }

  bool is_recut(std::size_t t) const {
    return std::ranges::any_of(input_.maps[t].by_source, [&](std::size_t copy) {
      return std::ranges::binary_search(input_.recut, input_.targets[t].copies[copy].source);
    });
  }

  static Strategy strategy_of(const Window& window, std::size_t parts) {
    constexpr std::uint64_t ShortWrite = std::uint64_t{1} << 20U;
    if (parts == 1) return window.read_run < ShortRead ? Strategy::Gather : Strategy::Whole;
    if (window.read_run < ShortRead) return Strategy::Gather;
    return window.write_run < ShortWrite ? Strategy::Scatter : Strategy::Stream;
  }

  void add(UnitDraft& draft, std::size_t t, const Box& window) {
    const TargetTensor& target = input_.targets[t];
    const std::size_t first = draft.targets.size();
    std::ranges::move(target_blocks(t, window), std::back_inserter(draft.targets));
    std::vector<SourceBox> boxes = needed(target, input_.maps[t], window);
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if (i > 0 && boxes[i].source == boxes[i - 1].source) continue;  // they are in the order of the sources
      const std::span<const std::size_t> copies = input_.maps[t].copies_of(target, boxes[i].source);
      for (std::size_t b = first; b < draft.targets.size(); ++b) {
        const auto is_in = [&](std::size_t copy) { return input_.maps[t].reaches(copy, draft.targets[b].box); };
        if (std::ranges::any_of(copies, is_in)) draft.readers.push_back({boxes[i].source, b});
      }
    }
    std::ranges::move(boxes, std::back_inserter(draft.boxes));
    for (const CopyPiece& copy : target.copies) {
      for (const CopyOperand& operand : copy.operands) draft.operands.insert(operand.source);
    }
  }

  /// Reads of a few bytes each cost more than what lies between them.
  void widen(SourceBox& box) const {
    constexpr std::uint64_t TinyRun = std::uint64_t{16} << 10U;
    constexpr std::uint64_t LittleMore = std::uint64_t{1} << 20U;
    const ChunkForm form = input_.reader->form(box.source);
    const TensorInfo& info = input_.sources[box.source];
    const auto bytes = [&](const Box& of) { return bytes_of(info.dtype, *cells(of.shape())); };
    for (std::size_t axis = info.shape.size(); axis-- > 1;) {
      const std::int64_t run = run_cells(box.box.shape(), form.chunk);
      if (!form.is_raw || bytes_of(info.dtype, run) >= TinyRun || run == *cells(box.box.shape())) return;
      Box wider = box.box;
      wider.begin[axis] = wider.begin[axis] / form.chunk[axis] * form.chunk[axis];
      wider.end[axis] = std::min(info.shape[axis], divided_up(wider.end[axis], form.chunk[axis]) * form.chunk[axis]);
      if (bytes(wider) > std::max(4 * bytes(box.box), LittleMore)) return;
      box.box = std::move(wider);
    }
  }

  void finish(UnitDraft draft) {
    for (SourceBox& box : draft.boxes) widen(box);
    draft.boxes = joined(std::move(draft.boxes));
    for (const SourceBox& box : draft.boxes) {
      if (const std::optional<StoredAt> at = place_of_first(box)) draft.place = std::min(draft.place, *at);
    }
    drafts_.push_back(std::move(draft));
  }

  /// Where the first cell of a box lies.
  std::optional<StoredAt> place_of_first(const SourceBox& box) const {
    const Shape extents = input_.reader->form(box.source).chunk;
    Shape chunk = box.box.begin;
    std::int64_t cell = 0;
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
      cell = cell * extents[axis] + chunk[axis] % extents[axis];
      chunk[axis] /= extents[axis];
    }
    std::optional<StoredAt> at = input_.reader->place(box.source, chunk);
    if (at) at->offset += bytes_of(input_.sources[box.source].dtype, cell);
    return at;
  }

  const PlanInput& input_;
  const PlanOptions& options_;
  std::vector<Window> windows_;
  std::set<std::size_t> is_done_;  // targets of groups
  std::vector<UnitDraft> drafts_;
};

}  // namespace

std::vector<UnitDraft> draft_units(const PlanInput& input, const PlanOptions& options) {
  return Drafter(input, options).drafts();
}

}  // namespace rulec
