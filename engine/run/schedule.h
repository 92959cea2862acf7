// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/plan/plan.h"
#include "engine/run/arena.h"
#include "engine/run/task.h"

namespace rulec {

/// Whether a buffer has cells that are zero because nothing says what they are.
bool has_gaps(const PlanInput& input, const Block& block);

/// What of a plan can be done next, and the buffers for it. Writing comes first, since it gives memory back; then
/// moving what was read; then reading what comes next, if there is memory for it. Memory is given out in the order of
/// the plan alone: so the unit that waits for memory waits only for units before it, which need none any more.
///
/// Does nothing itself, and has no thread: members are called by one at a time, but for the two that give buffers of a
/// task at hand.
class Schedule {
 public:
  struct Options {
    std::uint64_t memory_bytes = 0;
    int writers = 1;                  ///< that write at a time, while others can read
    std::vector<bool> done_before{};  ///< by unit; empty: none
    bool takes_notes = false;         ///< of the units that are done
  };

  /// Borrows `input` and `plan`.
  Schedule(const PlanInput& input, const Plan& plan, Options options);

  /// A task that can be done now. Nothing: all that can be is being done.
  std::optional<Task> next();
  /// A task that `next` gave was done.
  void settle(const Task& task);

  /// Units that are done and that no `Note` was given for.
  const std::vector<std::size_t>& unnoted() const { return to_note_; }

  bool is_over() const { return finished_units_ == units_.size(); }
  /// Whether tasks are being done, so that there will be more.
  bool is_busy() const { return running_ > 0; }

  std::uint64_t bytes_done() const { return bytes_done_; }
  /// The target that was written to last.
  std::size_t last_written() const { return last_written_; }

  /// Of a unit's targets: of each, or of the range that has all of them.
  std::span<std::byte> target_bytes(std::size_t unit, std::size_t block) const;
  std::span<std::byte> range_bytes(std::size_t unit) const { return units_[unit].targets.front().buffer.bytes; }
  const Buffer& load_buffer(std::size_t load) const { return loads_[load].buffer; }
  /// Memory for what chunks that are not raw are stored in, while they are read or written.
  std::span<std::byte> stored_target(std::size_t unit, std::size_t block) const {
    return units_[unit].targets[block].stored.bytes;
  }
  std::span<std::byte> stored_load(std::size_t load) const { return loads_[load].stored.bytes; }

 private:
  using Clock = std::chrono::steady_clock;

  struct TargetState {
    Buffer buffer;
    Buffer stored;
    std::size_t writes_left = 0;
  };
  struct UnitState {
    std::vector<TargetState> targets;  // one, if all lie in a range
    std::size_t operands_left = 0;     // to come; nothing moves without them
    std::size_t loads_left = 0;
    std::size_t targets_left = 0;
  };
  struct LoadState {
    enum class Stage : std::uint8_t { Absent, Coming, There, Gone };
    Stage stage = Stage::Absent;
    std::size_t uses_left = 0;
    std::optional<Buffer> taken;  // while there is no memory for the other one
    Buffer buffer;
    Buffer stored;
    std::vector<std::size_t> waiting;  // units
  };

  bool was_done_before(std::size_t unit) const { return !options_.done_before.empty() && options_.done_before[unit]; }
  std::optional<Task> chosen();
  std::optional<Task> admitted();
  std::optional<Task> admitted_load(const Unit& unit);
  void skip(const Unit& unit);
  bool open_unit();
  std::optional<Buffer> taken_for(const Unit& unit, std::size_t block);
  std::uint64_t bytes_of(const Unit& unit) const;
  bool take(LoadState& state, const Load& load);
  bool is_to_prepare(const Unit& unit) const;
  std::size_t load_phase(const Load& load) const;
  void complete(std::size_t unit);
  void release(LoadState& load);
  void give_stored(Buffer& stored);
  bool is_time_to_note() const;

  void settle(const tasks::Prepare& task);
  void settle(const tasks::Read& task);
  void settle(const tasks::Move& task);
  void settle(const tasks::Write& task);
  void settle(const tasks::Note& task);

  DType source_dtype(const Block& block) const { return input_.sources[block.tensor].dtype; }
  DType target_dtype(const Block& block) const { return input_.targets[block.tensor].info.dtype; }

  const PlanInput& input_;
  const Plan& plan_;
  Options options_;
  Arena arena_;
  std::vector<UnitState> units_;
  std::vector<LoadState> loads_;
  std::deque<tasks::Write> writes_;
  std::deque<tasks::Move> moves_;
  std::size_t unit_ = 0;  // whose memory is given out next
  std::size_t load_ = 0;  // of that unit
  bool is_open_ = false;  // it has its buffers
  bool is_preparing_ = false;
  int running_ = 0;  // tasks
  int writing_ = 0;  // of them
  std::size_t finished_units_ = 0;
  std::uint64_t bytes_done_ = 0;
  std::size_t last_written_ = 0;

  std::vector<std::size_t> to_note_;  // units
  bool is_noting_ = false;
  Clock::time_point noted_at_ = Clock::now();
  std::uint64_t noted_bytes_ = 0;
  Clock::time_point synced_at_ = Clock::now();
};

}  // namespace rulec
