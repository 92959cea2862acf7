// SPDX-License-Identifier: Apache-2.0
#include "engine/run/schedule.h"

#include <algorithm>
#include <utility>

#include "engine/run/block_io.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

constexpr std::uint64_t WriteBytes = std::uint64_t{8} << 20U;
// About what is lost if the process is killed; parts that are under way come to it. A note is cheap, but not one for
// each of many small parts.
constexpr std::uint64_t NoteBytes = std::uint64_t{32} << 20U;
constexpr std::chrono::milliseconds NotePause(50);
// And about what is lost if power is. To wait for the disk more often would slow it down.
constexpr std::chrono::seconds SyncPause(10);

template <class T>
Task popped(std::deque<T>& tasks) {
  Task task = tasks.front();
  tasks.pop_front();
  return task;
}

}  // namespace

bool has_gaps(const PlanInput& input, const Block& block) {
  return block.wider || !input.maps[block.tensor].is_covered;
}

Schedule::Schedule(const PlanInput& input, const Plan& plan, Options options)
    : input_(input),
      plan_(plan),
      options_(std::move(options)),
      arena_(options_.memory_bytes),
      units_(plan.units.size()),
      loads_(plan.loads.size()) {
  for (std::size_t u = 0; u < units_.size(); ++u) {
    if (was_done_before(u)) continue;
    for (const std::size_t l : plan.units[u].loads) {
      ++loads_[l].uses_left;
      ++units_[u].loads_left;
      if (plan.loads[l].is_operand) ++units_[u].operands_left;
    }
  }
}

std::optional<Task> Schedule::next() {
  std::optional<Task> task = chosen();
  if (!task) return task;
  ++running_;
  if (std::holds_alternative<tasks::Write>(*task)) ++writing_;
  return task;
}

void Schedule::settle(const Task& task) {
  --running_;
  if (std::holds_alternative<tasks::Write>(task)) --writing_;
  std::visit([&](const auto& one) { settle(one); }, task);
}

std::optional<Task> Schedule::chosen() {
  if (is_time_to_note()) {
    is_noting_ = true;
    noted_bytes_ = bytes_done_;  // what is written meanwhile is for the next one
    return tasks::Note{std::exchange(to_note_, {}), Clock::now() - synced_at_ >= SyncPause};
  }
  // The disk reads best while it writes: some threads keep to reading, as long as there is memory for it.
  if (!writes_.empty() && writing_ < options_.writers) return popped(writes_);
  if (!moves_.empty()) return popped(moves_);
  if (std::optional<Task> task = admitted()) return task;
  if (!writes_.empty()) return popped(writes_);
  return std::nullopt;
}

bool Schedule::is_time_to_note() const {
  return !to_note_.empty() && !is_noting_ &&
         (bytes_done_ - noted_bytes_ >= NoteBytes || Clock::now() - noted_at_ >= NotePause);
}

/// Goes on in the plan: gives out memory for the next load, if there is some.
std::optional<Task> Schedule::admitted() {
  while (unit_ < units_.size()) {
    const Unit& unit = plan_.units[unit_];
    if (was_done_before(unit_)) {
      skip(unit);
      ++unit_;
      continue;
    }
    if (is_preparing_) return std::nullopt;
    if (!is_open_) {
      if (!open_unit()) return std::nullopt;
      is_open_ = true;
      load_ = 0;
      if (is_to_prepare(unit)) {
        is_preparing_ = true;
        return tasks::Prepare{unit_};
      }
    }
    if (load_ < unit.loads.size()) {
      if (std::optional<Task> task = admitted_load(unit)) return task;
      if (load_ < unit.loads.size()) return std::nullopt;
    }
    if (unit.loads.empty()) complete(unit_);
    ++unit_;
    is_open_ = false;
    if (!writes_.empty()) return popped(writes_);
  }
  return std::nullopt;
}

/// The next load of the unit: to be read, or there already. Those that are on their way go on to the unit by
/// themselves.
std::optional<Task> Schedule::admitted_load(const Unit& unit) {
  while (load_ < unit.loads.size()) {
    const std::size_t l = unit.loads[load_];
    LoadState& load = loads_[l];
    if (!plan_.loads[l].is_operand && units_[unit_].operands_left > 0) return std::nullopt;
    if (load.stage == LoadState::Stage::Coming) {
      load.waiting.push_back(unit_);
      ++load_;
      continue;
    }
    if (load.stage == LoadState::Stage::There) {
      ++load_;
      return tasks::Move{unit_, l};
    }
    RULEC_ASSERT(load.stage == LoadState::Stage::Absent);
    if (!take(load, plan_.loads[l])) return std::nullopt;
    load.stage = LoadState::Stage::Coming;
    ++load_;
    return tasks::Read{unit_, l};
  }
  return std::nullopt;
}

/// Takes the buffers of a load, one after the other, as far as there is memory.
bool Schedule::take(LoadState& state, const Load& load) {
  if (!state.taken) state.taken = arena_.take(load.bytes, load_phase(load));
  if (!state.taken) return false;
  if (load.stored_bytes > 0) {
    const std::optional<Buffer> stored = arena_.take(load.stored_bytes, 0);
    if (!stored) return false;
    state.stored = *stored;
  }
  state.buffer = *std::exchange(state.taken, {});
  return true;
}

void Schedule::skip(const Unit& unit) {
  bytes_done_ += bytes_of(unit);
  ++finished_units_;
}

std::uint64_t Schedule::bytes_of(const Unit& unit) const {
  std::uint64_t bytes = 0;
  for (const Block& block : unit.targets) bytes += buffer_bytes(block, target_dtype(block));
  return bytes;
}

/// Takes the buffers of the next unit, one after the other, as far as there is memory.
bool Schedule::open_unit() {
  UnitState& state = units_[unit_];
  const Unit& unit = plan_.units[unit_];
  const std::size_t buffers = unit.range ? 1 : unit.targets.size();
  while (state.targets.size() < buffers) {
    const std::optional<Buffer> buffer = taken_for(unit, state.targets.size());
    if (!buffer) return false;
    state.targets.push_back({*buffer, {}, 0});
  }
  if (unit.range) return true;
  for (std::size_t b = 0; b < buffers; ++b) {
    const std::uint64_t bytes = input_.writer->stored_bytes(unit.targets[b].tensor);
    if (bytes == 0 || state.targets[b].stored.base != nullptr) continue;
    const std::optional<Buffer> stored = arena_.take(bytes, 0);
    if (!stored) return false;
    state.targets[b].stored = *stored;
  }
  return true;
}

std::optional<Buffer> Schedule::taken_for(const Unit& unit, std::size_t b) {
  if (unit.range) return arena_.take(unit.range->bytes, unit.range->at.offset % DirectBlock);
  const Block& block = unit.targets[b];
  const DType dtype = target_dtype(block);
  const Runs runs = runs_of(block, input_.writer->form(block.tensor).chunk, dtype);
  const std::size_t phase = phase_in_file(input_.writer->place(block.tensor, block.chunk), runs);
  return arena_.take(buffer_bytes(block, dtype), phase);
}

std::span<std::byte> Schedule::target_bytes(std::size_t unit, std::size_t b) const {
  const Block& block = plan_.units[unit].targets[b];
  if (!plan_.units[unit].range) return units_[unit].targets[b].buffer.bytes;
  return range_bytes(unit).subspan(block.at, buffer_bytes(block, target_dtype(block)));
}

bool Schedule::is_to_prepare(const Unit& unit) const {
  return std::ranges::any_of(unit.targets, [&](const Block& block) {
    return has_gaps(input_, block) || !input_.targets[block.tensor].fills.empty();
  });
}

std::size_t Schedule::load_phase(const Load& load) const {
  if (load.from) return load.from->offset % DirectBlock;
  const Block& block = load.blocks.front();
  const ChunkForm form = input_.reader->form(block.tensor);
  if (load.is_operand || !form.is_raw) return 0;
  const Runs runs = runs_of(block, form.chunk, source_dtype(block));
  return phase_in_file(input_.reader->place(block.tensor, block.chunk), runs);
}

void Schedule::settle(const tasks::Prepare& /*task*/) {
  is_preparing_ = false;
}

void Schedule::settle(const tasks::Read& task) {
  LoadState& load = loads_[task.load];
  load.stage = LoadState::Stage::There;
  give_stored(load.stored);
  for (const std::size_t unit : std::exchange(load.waiting, {})) moves_.push_back({unit, task.load});
  settle(tasks::Move{task.unit, task.load});
}

void Schedule::settle(const tasks::Move& task) {
  UnitState& unit = units_[task.unit];
  if (plan_.loads[task.load].is_operand) {
    --unit.operands_left;  // it stays until the unit is complete
  } else {
    release(loads_[task.load]);
  }
  if (--unit.loads_left == 0) complete(task.unit);
}

void Schedule::release(LoadState& load) {
  if (--load.uses_left > 0) return;
  arena_.give(load.buffer);
  load.stage = LoadState::Stage::Gone;
}

void Schedule::give_stored(Buffer& stored) {
  if (stored.base != nullptr) arena_.give(std::exchange(stored, {}));
}

/// Everything of a unit is in its buffers.
void Schedule::complete(std::size_t u) {
  for (const std::size_t l : plan_.units[u].loads) {
    if (plan_.loads[l].is_operand) release(loads_[l]);
  }
  UnitState& state = units_[u];
  state.targets_left = state.targets.size();
  if (const std::optional<StoredRange>& range = plan_.units[u].range) {
    state.targets.front().writes_left = 1;
    writes_.push_back({u, 0, {0, range->bytes}});
    return;
  }
  for (std::size_t b = 0; b < state.targets.size(); ++b) {
    const Block& block = plan_.units[u].targets[b];
    for (const Segment& segment : segments_of(*input_.writer, block, target_dtype(block), WriteBytes)) {
      ++state.targets[b].writes_left;
      writes_.push_back({u, b, segment});
    }
  }
}

void Schedule::settle(const tasks::Write& task) {
  const Unit& unit = plan_.units[task.unit];
  bytes_done_ += unit.range ? bytes_of(unit) : task.segment.bytes;
  last_written_ = unit.targets[task.block].tensor;
  UnitState& state = units_[task.unit];
  TargetState& target = state.targets[task.block];
  if (--target.writes_left > 0) return;
  arena_.give(target.buffer);
  give_stored(target.stored);
  if (--state.targets_left > 0) return;
  state.targets = {};
  ++finished_units_;
  if (options_.takes_notes) to_note_.push_back(task.unit);
}

void Schedule::settle(const tasks::Note& task) {
  is_noting_ = false;
  noted_at_ = Clock::now();
  if (task.syncs) synced_at_ = noted_at_;
}

}  // namespace rulec
