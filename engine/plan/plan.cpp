// SPDX-License-Identifier: Apache-2.0
// Targets are cut into parts, each for itself; those that can only be made together are one unit; and the units are
// walked once in their order, to see what is read when and what must stay in memory.
#include "engine/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "engine/plan/budget.h"
#include "engine/plan/loads.h"
#include "engine/plan/window.h"
#include "engine/tensor/element_bytes.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Reads shorter than this are worth some memory to avoid.
constexpr std::uint64_t ShortRead = std::uint64_t{256} << 10U;
/// A buffer to be written has at most so many bytes, if it need not be one.
constexpr std::uint64_t WriteBytes = std::uint64_t{32} << 20U;

/// A unit whose loads are not worked out yet.
struct Draft {
  Strategy strategy = Strategy::Stream;
  std::vector<Block> targets;
  std::vector<SourceBox> boxes;
  std::set<std::size_t> operands;                                                            // sources
  std::tuple<std::size_t, std::uint64_t> place{std::numeric_limits<std::size_t>::max(), 0};  // of its first byte
};

class Drafter {
 public:
  Drafter(const PlanInput& input, const PlanOptions& options) : input_(input), options_(options) {}

  std::vector<Draft> drafts() {
    choose_windows();
    find_open_groups();
    for (std::size_t t = 0; t < input_.targets.size(); ++t) {
      if (!windows_[t].extents.empty() || input_.targets[t].info.shape.empty()) draft(t);
    }
    std::ranges::stable_sort(drafts_, {}, &Draft::place);
    return std::move(drafts_);
  }

 private:
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
        for (const Block& block : target_blocks(one, whole(one))) bytes += buffer_room(block_bytes(one, block));
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
      Draft draft{Strategy::Open, {}, {}, {}};
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
      const Block all = whole_chunk(block, form.chunk);
      Box inside = all.memory;
      for (std::size_t a = 0; a < inside.end.size(); ++a)
        inside.end[a] = std::min(inside.end[a], input_.targets[t].info.shape[a]);
      if (inside == block.box) block = all;
    }
    if (!form.is_raw) return blocks;
    // What was written gives its memory back, while the rest of a large part is still on its way.
    std::vector<Block> parts;
    for (const Block& block : blocks) {
      if (block.memory == block.box) {
        std::ranges::move(cut(block, input_.targets[t].info.dtype, WriteBytes), std::back_inserter(parts));
      } else {
        parts.push_back(block);
      }
    }
    return parts;
  }

  void draft(std::size_t t) {
    if (!has_cells(t) || is_done_.contains(t)) return;
    const Window& window = windows_[t];
    const std::vector<Box> boxes = windows_of(input_.targets[t].info.shape, window.extents);
    for (const Box& box : boxes) {
      Draft draft{strategy_of(window, boxes.size()), {}, {}, {}};
      add(draft, t, box);
      finish(std::move(draft));
    }
  }

  static Strategy strategy_of(const Window& window, std::size_t parts) {
    constexpr std::uint64_t ShortWrite = std::uint64_t{1} << 20U;
    if (parts == 1) return window.read_run < ShortRead ? Strategy::Gather : Strategy::Whole;
    if (window.read_run < ShortRead) return Strategy::Gather;
    return window.write_run < ShortWrite ? Strategy::Scatter : Strategy::Stream;
  }

  void add(Draft& draft, std::size_t t, const Box& window) {
    const TargetTensor& target = input_.targets[t];
    std::ranges::move(target_blocks(t, window), std::back_inserter(draft.targets));
    std::ranges::move(needed(target, input_.maps[t], window), std::back_inserter(draft.boxes));
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

  void finish(Draft draft) {
    for (SourceBox& box : draft.boxes) widen(box);
    draft.boxes = joined(std::move(draft.boxes));
    for (const SourceBox& box : draft.boxes) {
      const Shape chunk_shape = input_.reader->form(box.source).chunk;
      const std::vector<Block> blocks = blocks_of(box.source, first_cell(box.box), chunk_shape);
      const std::optional<StoredAt> at = input_.reader->place(box.source, blocks.front().chunk);
      if (!at) continue;
      const Runs runs = runs_of(blocks.front(), chunk_shape, input_.sources[box.source].dtype);
      draft.place = std::min(draft.place, std::tuple(at->file, at->offset + runs.offset));
    }
    drafts_.push_back(std::move(draft));
  }

  static Box first_cell(Box box) {
    for (std::size_t axis = 0; axis < box.begin.size(); ++axis) box.end[axis] = box.begin[axis] + 1;
    return box;
  }

  const PlanInput& input_;
  const PlanOptions& options_;
  std::vector<Window> windows_;
  std::set<std::size_t> is_done_;  // targets of groups
  std::vector<Draft> drafts_;
};

class Planner {
 public:
  Planner(const PlanInput& input, const PlanOptions& options, Diagnostics& diags)
      : input_(input), options_(options), diags_(diags) {}

  Result<Plan> plan(const std::vector<Draft>& drafts) {
    for (const Draft& draft : drafts) {
      for (const std::size_t operand : draft.operands) ++users_[{operand, Operand}];
      for (const SourceBox& box : draft.boxes) {
        if (input_.reader->form(box.source).is_raw) continue;
        for (const Block& block : chunks_of(box)) ++users_[{block.tensor, block.chunk}];
      }
    }
    for (const Draft& draft : drafts) {
      if (!add(draft)) return diags_.failed();
    }
    return std::move(plan_);
  }

 private:
  using Key = std::pair<std::size_t, Shape>;
  static const inline Shape Operand = {-1};  // no chunk's position

  std::vector<Block> chunks_of(const SourceBox& box) const {
    return blocks_of(box.source, box.box, input_.reader->form(box.source).chunk);
  }

  Status add(const Draft& draft) {
    Unit unit{draft.strategy, draft.targets, {}};
    std::uint64_t targets = 0;
    for (const Block& block : unit.targets) {
      const std::uint64_t bytes = buffer_bytes(block, input_.targets[block.tensor].info.dtype);
      targets += buffer_room(bytes);
      plan_.bytes_written += bytes;
    }
    std::uint64_t largest = 0;
    const std::size_t first = plan_.loads.size();
    for (const std::size_t operand : draft.operands) add_shared(unit, operand_load(operand), {operand, Operand});
    for (const SourceBox& box : draft.boxes) {
      const bool is_raw = input_.reader->form(box.source).is_raw;
      for (const Block& block : chunks_of(box)) {
        if (is_raw) {
          for (Block& part : cut(block, dtype(block), options_.load_bytes)) add_load(unit, raw_load(std::move(part)));
        } else {
          add_shared(unit, chunk_load(block), {block.tensor, block.chunk});
        }
      }
    }
    for (std::size_t l = first; l < plan_.loads.size(); ++l) {
      const bool is_kept = std::ranges::find(kept_, l, [](const auto& kept) { return kept.second; }) != kept_.end();
      largest = std::max(largest, (is_kept ? 0 : buffer_room(plan_.loads[l].bytes)) + plan_.loads[l].stored_bytes);
    }
    if (!make_room(unit, targets + largest)) return diags_.failed();
    plan_.units.push_back(std::move(unit));
    return Done{};
  }

  DType dtype(const Block& block) const { return input_.sources[block.tensor].dtype; }

  Load raw_load(Block block) const {
    const std::uint64_t bytes = buffer_bytes(block, dtype(block));
    return {std::move(block), false, bytes, 0, 1};
  }

  Load chunk_load(const Block& block) const {
    Block whole = whole_chunk(block, input_.reader->form(block.tensor).chunk);
    whole.box = whole.memory;  // all of it is there for every unit
    const std::uint64_t bytes = buffer_bytes(whole, dtype(whole));
    return {whole, false, bytes, input_.reader->stored_bytes(whole.tensor, whole.chunk), 1};
  }

  Load operand_load(std::size_t source) const {
    const Shape& shape = input_.sources[source].shape;
    const Box all{Shape(shape.size()), shape};
    return {{source, Shape(shape.size()), all, all}, true, input_.sources[source].bytes(), 0, 1};
  }

  void add_load(Unit& unit, Load load) {
    plan_.bytes_read += load.bytes;
    unit.loads.push_back(plan_.loads.size());
    plan_.loads.push_back(std::move(load));
  }

  /// A load that is there already is used once more.
  void add_shared(Unit& unit, Load load, const Key& key) {
    --users_[key];
    if (const auto found = kept_.find(key); found != kept_.end()) {
      ++plan_.loads[found->second].uses;
      unit.loads.push_back(found->second);
      return;
    }
    if (users_[key] > 0) kept_[key] = plan_.loads.size();
    add_load(unit, std::move(load));
  }

  /// Lets go of what later units could use again, until the unit has room.
  Status make_room(const Unit& unit, std::uint64_t bytes) {
    const auto all = [&] {
      std::uint64_t sum = bytes;
      for (const auto& [key, load] : kept_) sum += buffer_room(plan_.loads[load].bytes);
      return sum;
    };
    for (auto kept = kept_.begin(); kept != kept_.end();) {
      const bool is_finished =
          users_[kept->first] == 0 && std::ranges::find(unit.loads, kept->second) == unit.loads.end();
      kept = is_finished ? kept_.erase(kept) : std::next(kept);
    }
    while (all() > options_.memory_bytes && !kept_.empty()) {
      auto oldest = std::ranges::min_element(kept_, {}, [](const auto& kept) { return kept.second; });
      const std::uint64_t room = buffer_room(plan_.loads[oldest->second].bytes);
      // One of this unit is in memory at any rate, until it was used.
      if (std::ranges::find(unit.loads, oldest->second) != unit.loads.end()) bytes = std::max(bytes, room);
      kept_.erase(oldest);
    }
    plan_.needed_bytes = std::max(plan_.needed_bytes, all());
    if (all() <= options_.memory_bytes) return Done{};
    const std::string& name = input_.targets[unit.targets.front().tensor].info.name;
    return report(diags_, {}, diag::OverBudget, name, all(), options_.memory_bytes)
        .help("allow more memory; it must hold what cannot be read in parts, such as a compressed chunk");
  }

  const PlanInput& input_;
  const PlanOptions& options_;
  Diagnostics& diags_;
  Plan plan_;
  std::map<Key, std::size_t> users_;  // units to come that use a load
  std::map<Key, std::size_t> kept_;   // loads that stay in memory for them
};

}  // namespace

std::string_view to_string(Strategy strategy) {
  switch (strategy) {
    case Strategy::Stream:
      return "streamed";
    case Strategy::Whole:
      return "whole";
    case Strategy::Gather:
      return "gathered";
    case Strategy::Scatter:
      return "scattered";
    case Strategy::Open:
      return "together";
  }
  return {};
}

Result<Plan> make_plan(const PlanInput& input, const PlanOptions& options, Diagnostics& diags) {
  return Planner(input, options, diags).plan(Drafter(input, options).drafts());
}

}  // namespace rulec
