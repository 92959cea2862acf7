// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/batches.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "engine/file/direct.h"

namespace rulec {
namespace {

/// From here on, what is transferred by itself is transferred well.
constexpr std::uint64_t SmallBytes = MinDirectBytes;
/// So many bytes between two blocks are transferred with them.
constexpr std::uint64_t NearBytes = DirectBlock;
/// Of a batch. What is read for many targets is sorted and compared pair by pair.
constexpr std::size_t MostTargets = 1024;

/// Where all of a block's buffer lies, if it is one run of a file.
std::optional<StoredRange> range_of(const Block& block, const ChunkForm& form, const std::optional<StoredAt>& chunk,
                                    DType dtype) {
  if (!form.is_raw || !chunk) return std::nullopt;
  const Runs runs = runs_of(block, form.chunk, dtype);
  if (!runs.axes.empty()) return std::nullopt;
  return StoredRange{{chunk->file, chunk->offset + runs.offset}, runs.bytes};
}

std::uint64_t end_of(const StoredRange& range) {
  return range.at.offset + range.bytes;
}

/// Whether `next`, which begins no earlier, follows `range` closely, and both are at most so many bytes.
bool follows(const StoredRange& next, const StoredRange& range, std::uint64_t most) {
  return next.at.file == range.at.file && next.at.offset >= end_of(range) &&
         next.at.offset - end_of(range) <= NearBytes && end_of(next) - range.at.offset <= most;
}

/// A block that something will be written to, and the draft that makes it.
struct Slot {
  StoredRange range;
  std::size_t draft = 0;
  bool is_small = false;  // it is all that its draft makes, and may be made with others
};

class Batcher {
 public:
  Batcher(std::vector<UnitDraft> drafts, const PlanInput& input, const PlanOptions& options)
      : drafts_(std::move(drafts)), input_(input), most_(std::min(options.load_bytes / 4, options.memory_bytes / 8)) {}

  std::vector<UnitDraft> batched() {
    std::vector<Slot> slots = all_slots();
    if (std::ranges::none_of(slots, &Slot::is_small)) return std::move(drafts_);
    std::ranges::sort(slots, {}, [](const Slot& slot) { return slot.range.at; });
    for (auto first = slots.begin(); first != slots.end();) {
      auto last = std::next(first);
      StoredRange range = first->range;
      const auto fits = [&](const Slot& slot) {
        return slot.is_small && last - first < static_cast<std::ptrdiff_t>(MostTargets) &&
               follows(slot.range, range, most_);
      };
      for (; first->is_small && last != slots.end() && fits(*last); ++last)
        range.bytes = end_of(last->range) - range.at.offset;
      if (last - first > 1) join({first, last}, range);
      first = last;
    }
    std::erase_if(drafts_, [](const UnitDraft& draft) { return draft.targets.empty(); });
    return std::move(drafts_);
  }

 private:
  std::vector<Slot> all_slots() const {
    std::vector<Slot> slots;
    for (std::size_t d = 0; d < drafts_.size(); ++d) {
      for (const Block& block : drafts_[d].targets) {
        const std::optional<StoredAt> chunk = input_.writer->place(block.tensor, block.chunk);
        if (!chunk) continue;
        const ChunkForm form = input_.writer->form(block.tensor);
        const auto range = range_of(block, form, chunk, input_.targets[block.tensor].info.dtype);
        // Of runs, it is enough to know where they begin: what is written between them is no small target.
        slots.push_back({range.value_or(StoredRange{*chunk, 0}), d, range && is_small(drafts_[d], form, *range)});
      }
    }
    return slots;
  }

  bool is_small(const UnitDraft& draft, const ChunkForm& form, const StoredRange& range) const {
    return draft.targets.size() == 1 && range.bytes < SmallBytes && draft.operands.empty() &&
           draft.targets.front().memory().shape() == form.chunk &&
           std::ranges::all_of(
               draft.boxes, [&](const SourceBox& box) { return input_.reader->form(box.source).is_raw; });
  }

  /// All into the first.
  void join(std::span<const Slot> slots, const StoredRange& range) {
    UnitDraft& batch = drafts_[slots.front().draft];
    batch.strategy = Strategy::Batch;
    batch.range = range;
    for (const Slot& slot : slots.subspan(1)) {
      UnitDraft& draft = drafts_[slot.draft];
      for (const Unit::Reader& reader : draft.readers)
        batch.readers.push_back({reader.source, reader.target + batch.targets.size()});
      batch.targets.push_back(std::move(draft.targets.front()));
      batch.targets.back().at = slot.range.at.offset - range.at.offset;
      std::ranges::move(draft.boxes, std::back_inserter(batch.boxes));
      batch.place = std::min(batch.place, draft.place);
      draft.targets.clear();
    }
    batch.boxes = joined(std::move(batch.boxes));
  }

  std::vector<UnitDraft> drafts_;
  const PlanInput& input_;
  std::uint64_t most_;
};

}  // namespace

std::vector<UnitDraft> batched(std::vector<UnitDraft> drafts, const PlanInput& input, const PlanOptions& options) {
  return Batcher(std::move(drafts), input, options).batched();
}

std::vector<Load> raw_loads(std::vector<Block> blocks, const PlanInput& input, const PlanOptions& options) {
  std::vector<Load> loads;
  std::vector<std::pair<StoredRange, Block>> small;
  for (Block& block : blocks) {
    const DType dtype = input.sources[block.tensor].dtype;
    const std::uint64_t bytes = buffer_bytes(block, dtype);
    std::optional<StoredRange> range;
    if (bytes < SmallBytes && blocks.size() > 1) {
      range = range_of(block, input.reader->form(block.tensor), input.reader->place(block.tensor, block.chunk), dtype);
    }
    if (range) {
      small.emplace_back(*range, std::move(block));
    } else {
      loads.push_back({{std::move(block)}, false, bytes, 0});
    }
  }
  std::ranges::stable_sort(small, {}, [](const auto& one) { return one.first.at; });
  std::optional<StoredRange> last;  // what the last load reads
  for (auto& [range, block] : small) {
    if (last && follows(range, *last, options.load_bytes)) {
      Load& load = loads.back();
      load.from = last->at;
      block.at = range.at.offset - last->at.offset;
      last->bytes = load.bytes = end_of(range) - last->at.offset;
      load.blocks.push_back(std::move(block));
    } else {
      last = range;
      loads.push_back({{std::move(block)}, false, range.bytes, 0});
    }
  }
  return loads;
}

}  // namespace rulec
