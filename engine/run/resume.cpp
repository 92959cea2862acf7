// SPDX-License-Identifier: Apache-2.0
#include "engine/run/resume.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/codec/xxh3.h"
#include "engine/file/direct.h"
#include "engine/file/printable.h"
#include "engine/plan/block.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::size_t WindowBytes = std::size_t{8} << 20U;

/// The files of a sink, for one thread.
class Files {
 public:
  explicit Files(const ResumableSink& sink) : sink_(sink), memory_(WindowBytes + 3 * DirectBlock) {}

  /// Adds bytes of a file to a hash; false if they are not there, for whatever reason.
  bool add(StoredAt from, std::uint64_t bytes, Xxh3& hash) {
    if (!open(from.file) || from.offset > file_->size() || bytes > file_->size() - from.offset) return false;
    // As far behind a block boundary in memory as in the file, which stays so from window to window.
    const std::size_t phase = from.offset % DirectBlock;
    std::byte* const begin = memory_.data() + (DirectBlock - phase_of(memory_.data())) % DirectBlock + phase;
    for (std::uint64_t done = 0; done < bytes; done += WindowBytes) {
      const std::span<std::byte> window(begin, std::min<std::uint64_t>(bytes - done, WindowBytes));
      Diagnostics unsaid;  // what cannot be read is written anew
      if (!file_->read(from.offset + done, window, unsaid, {phase, DirectBlock - phase})) return false;
      hash.add(window);
    }
    return true;
  }

 private:
  bool open(std::size_t number) {
    if (file_ && number_ == number) return true;
    Diagnostics unsaid;
    Result<InputFile> opened = InputFile::open(sink_.file_path(number), unsaid);
    if (!opened) return false;
    file_.emplace(*std::move(opened));
    number_ = number;
    return true;
  }

  const ResumableSink& sink_;
  std::vector<std::byte> memory_;
  std::optional<InputFile> file_;
  std::size_t number_ = 0;
};

class Check {
 public:
  Check(const PlanInput& input, const Plan& plan, const ResumableSink& sink, const CheckOptions& options,
        Journal& journal)
      : input_(input), plan_(plan), sink_(sink), options_(options), journal_(journal), team_(options.on_progress) {
    for (std::size_t u = 0; u < journal.finished().size(); ++u) {
      if (journal.finished()[u]) units_.push_back(u);
    }
    holds_.resize(units_.size());
  }

  Status run(Diagnostics& diags) {
    if (units_.empty()) return Done{};
    const std::uint64_t fit = std::max<std::uint64_t>(1, options_.memory_bytes / (WindowBytes + 2 * DirectBlock));
    const auto threads = static_cast<int>(std::min<std::uint64_t>(fit, static_cast<std::uint64_t>(options_.threads)));
    if (!team_.run(threads, [this](std::size_t) { work(); }, [] {}, diags)) return diags.failed();
    const auto lost = static_cast<std::size_t>(std::ranges::count(holds_, 0));
    for (std::size_t i = 0; i < units_.size(); ++i) {
      if (holds_[i] == 0) journal_.distrust(units_[i]);
    }
    if (lost > 0) tell(lost, diags);
    return Done{};
  }

 private:
  void work() {
    Files files(sink_);
    for (std::size_t i = next_++; i < units_.size() && !team_.is_stopped(); i = next_++) {
      const Unit& unit = plan_.units[units_[i]];
      if (!holds(unit, journal_.extents(units_[i]), files)) continue;
      holds_[i] = 1;
      std::uint64_t bytes = 0;
      for (const Block& block : unit.targets) bytes += buffer_bytes(block, dtype(block));
      team_.progress({bytes_ += bytes, unit.targets.front().tensor});
    }
  }

  bool holds(const Unit& unit, const std::vector<WrittenExtent>& extents, Files& files) const {
    std::vector<std::uint64_t> missing;
    if (unit.range) {
      missing.push_back(unit.range->bytes);
    } else {
      for (const Block& block : unit.targets) missing.push_back(buffer_bytes(block, dtype(block)));
    }
    for (const WrittenExtent& extent : extents) {
      if (extent.block >= missing.size() || extent.segment.bytes > missing[extent.block]) return false;
      missing[extent.block] -= extent.segment.bytes;
      if (!(unit.range ? holds(*unit.range, extent, files) : holds(unit.targets[extent.block], extent, files)))
        return false;
    }
    return std::ranges::all_of(missing, [](std::uint64_t bytes) { return bytes == 0; });
  }

  static bool holds(const StoredRange& range, const WrittenExtent& extent, Files& files) {
    Xxh3 hash;
    return files.add(range.at, range.bytes, hash) && hash.digits() == extent.checksum;
  }

  bool holds(const Block& block, const WrittenExtent& extent, Files& files) const {
    Xxh3 hash;
    if (extent.stored)
      return files.add(extent.stored->at, extent.stored->bytes, hash) && hash.digits() == extent.checksum;
    const std::optional<StoredAt> place = sink_.place(block.tensor, block.chunk);
    if (!place) return false;
    const Runs runs = runs_of(block, sink_.chunk_shape(block.tensor), dtype(block));
    const std::uint64_t end = extent.segment.offset + extent.segment.bytes;
    return for_each_run(runs,
                        [&](std::uint64_t to, std::uint64_t from) {
                          const std::uint64_t first = std::max(from, extent.segment.offset);
                          const std::uint64_t last = std::min(from + runs.bytes, end);
                          return first >= last ||
                                 files.add({place->file, place->offset + to + (first - from)}, last - first, hash);
                        }) &&
           hash.digits() == extent.checksum;
  }

  void tell(std::size_t lost, Diagnostics& diags) const {
    const std::size_t first = units_[static_cast<std::size_t>(std::ranges::find(holds_, 0) - holds_.begin())];
    const std::string& tensor = input_.targets[plan_.units[first].targets.front().tensor].info.name;
    report(diags, FilePlace{journal_.path(), {}}, diag::LostWrites, lost, units_.size(), printable(tensor));
  }

  DType dtype(const Block& block) const { return input_.targets[block.tensor].info.dtype; }

  const PlanInput& input_;
  const Plan& plan_;
  const ResumableSink& sink_;
  const CheckOptions& options_;
  Journal& journal_;
  std::vector<std::size_t> units_;  // finished
  std::vector<char> holds_;         // of each, written by one thread
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_{0};
  Team team_;
};

}  // namespace

Status check_written(const PlanInput& input, const Plan& plan, const ResumableSink& sink, const CheckOptions& options,
                     Journal& journal, Diagnostics& diags) {
  return Check(input, plan, sink, options, journal).run(diags);
}

std::uint64_t note_finished(const PlanInput& input, const Plan& plan, const Journal& journal, ResumableSink& sink) {
  std::uint64_t bytes = 0;
  for (std::size_t u = 0; u < plan.units.size(); ++u) {
    if (!journal.finished()[u]) continue;
    for (const WrittenExtent& extent : journal.extents(u)) {
      const Block& block = plan.units[u].targets[extent.block];
      if (extent.stored) sink.note_stored(block.tensor, block.chunk, *extent.stored);
    }
    for (const Block& block : plan.units[u].targets) {
      const DType dtype = input.targets[block.tensor].info.dtype;
      bytes += buffer_bytes(block, dtype);
      if (!sink.is_raw(block.tensor)) continue;
      const Runs runs = runs_of(block, sink.chunk_shape(block.tensor), dtype);
      for_each_run(runs, [&](std::uint64_t offset, std::uint64_t) {
        sink.note_written(block.tensor, block.chunk, offset, runs.bytes);
        return true;
      });
    }
  }
  return bytes;
}

}  // namespace rulec
