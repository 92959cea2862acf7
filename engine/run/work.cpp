// SPDX-License-Identifier: Apache-2.0
// Every thread does whatever can be done next: write what is complete, since that gives memory back; else move what was
// read; else read what comes next, if there is memory for it. Memory is given out in the order of the plan alone. So
// the unit that waits for memory waits only for units before it, which need none any more.
#include "engine/run/work.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "engine/run/arena.h"
#include "engine/run/block_io.h"
#include "engine/run/move.h"
#include "grammar/internal_error.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

constexpr std::uint64_t WriteBytes = std::uint64_t{8} << 20U;
// What is lost at most if the process is killed. To ask the disk for more often would slow it down.
constexpr std::uint64_t NoteBytes = std::uint64_t{256} << 20U;
constexpr std::chrono::milliseconds NotePause(500);

/// A load is to be read, and then moved to where its first unit wants it.
struct Read {
  std::size_t unit = 0;
  std::size_t load = 0;
};
/// A load that is in memory is to be moved for one more unit.
struct Move {
  std::size_t unit = 0;
  std::size_t load = 0;
};
struct Write {
  std::size_t unit = 0;
  std::size_t block = 0;
  Segment segment;
};
/// Buffers of a unit are to get what comes from no source, before anything else comes into them.
struct Prepare {
  std::size_t unit = 0;
};
/// Units that were written are to be put on the disk and noted.
struct Note {
  std::vector<std::size_t> units;
};
using Task = std::variant<Prepare, Read, Move, Write, Note>;

struct TargetState {
  Buffer buffer;
  std::size_t writes_left = 0;
};

struct UnitState {
  std::vector<TargetState> targets;
  std::size_t operands_left = 0;  // to come; nothing moves without them
  std::size_t loads_left = 0;
  std::size_t targets_left = 0;
};

struct LoadState {
  enum class Stage : std::uint8_t { Absent, Coming, There, Gone };
  Stage stage = Stage::Absent;
  std::size_t uses_left = 0;
  Buffer buffer;
  std::vector<std::size_t> waiting;  // units
};

class Work {
 public:
  Work(const PlanInput& input, const Plan& plan, const ChunkReader& reader, ChunkWriter& writer,
       const WorkOptions& options)
      : input_(input),
        plan_(plan),
        reader_(reader),
        writer_(writer),
        options_(options),
        arena_(options.memory_bytes),
        units_(plan.units.size()),
        loads_(plan.loads.size()) {
    for (std::size_t u = 0; u < units_.size(); ++u) {
      if (is_done(u)) continue;
      for (const std::size_t l : plan.units[u].loads) ++loads_[l].uses_left;
      units_[u].loads_left = plan.units[u].loads.size();
      units_[u].operands_left = static_cast<std::size_t>(
          std::ranges::count_if(plan.units[u].loads, [&](std::size_t l) { return plan.loads[l].is_operand; }));
    }
    noted_at_ = Clock::now();
  }

  Status run(Diagnostics& diags) {
    // As many again wait for the disk.
    const int count = 2 * std::max(1, options_.threads);
    writers_ = std::max(1, count - 1);
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
      try {
        threads.emplace_back([this, i] { work(static_cast<std::size_t>(i)); });
      } catch (const std::system_error&) {  // the machine has no more
        if (threads.empty()) throw std::bad_alloc();
        break;
      }
    }
    watch();
    for (std::thread& thread : threads) thread.join();
    if (thrown_) std::rethrow_exception(thrown_);
    for (const Diagnostic& diagnostic : said_.all()) diags.add(diagnostic);
    if (said_.errors() > 0) return diags.failed();
    return Done{};
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Whether a run before this one has done it.
  bool is_done(std::size_t unit) const {
    return options_.journal != nullptr && unit < options_.journal->finished().size() &&
           options_.journal->finished()[unit];
  }

  // ---- the calling thread
  // ---------------------------------------------------------------------------------------------

  void watch() {
    std::unique_lock lock(mutex_);
    std::uint64_t told = 0;
    while (true) {
      watched_.wait(lock, [&] { return is_over() || (options_.on_progress && bytes_done_ != told); });
      if (stop_ || !options_.on_progress || bytes_done_ == told) return;
      told = bytes_done_;
      const std::size_t tensor = last_written_;
      lock.unlock();
      try {
        options_.on_progress(told, tensor);
        lock.lock();
      } catch (...) {
        lock.lock();
        return fail(std::current_exception());
      }
    }
  }

  bool is_over() const { return stop_ || finished_units_ == units_.size(); }

  void fail(std::exception_ptr thrown) {
    if (!thrown_) thrown_ = std::move(thrown);
    stop();
  }

  void stop() {
    stop_ = true;
    wake_all();
  }

  void wake_all() {
    free_.notify_all();
    watched_.notify_all();
  }

  // ---- the threads
  // ----------------------------------------------------------------------------------------------------

  void work(std::size_t thread) {
    Scratch scratch;
    std::unique_lock lock(mutex_);
    while (true) {
      std::optional<Task> task;
      try {
        while (!is_over() && !(task = next())) {
          if (is_over()) break;  // the rest had been done before
          // The plan fits into the memory that was allowed, but the machine may have less.
          if (running_ == 0) throw std::bad_alloc();
          ++waiting_;
          free_.wait(lock);
          --waiting_;
        }
        if (!task || stop_) return wake_all();
        ++running_;
        writing_ += std::holds_alternative<Write>(*task) ? 1 : 0;
        // Whoever wakes up does the same, as long as there is something to do.
        if (waiting_ > 0) free_.notify_one();
        lock.unlock();
        Diagnostics diags;
        const Trace::Clock::time_point begin = Trace::Clock::now();
        const bool is_done =
            std::visit([&](const auto& t) { return static_cast<bool>(perform(t, scratch, diags)); }, *task);
        if (options_.trace != nullptr) trace(thread, *task, begin);
        lock.lock();
        --running_;
        writing_ -= std::holds_alternative<Write>(*task) ? 1 : 0;
        for (const Diagnostic& diagnostic : diags.all()) said_.add(diagnostic);
        if (is_done) {
          std::visit([&](const auto& t) { settle(t); }, *task);
        } else {
          stop();
        }
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        fail(std::current_exception());
      }
      if (is_over()) wake_all();
    }
  }

  void trace(std::size_t thread, const Task& task, Trace::Clock::time_point begin) const {
    const auto add = [&](std::string_view kind, std::string_view tensor, std::uint64_t bytes) {
      options_.trace->add(thread, kind, tensor, bytes, begin, Trace::Clock::now());
    };
    const auto add_load = [&](std::string_view kind, std::size_t l) {
      add(kind, input_.sources[plan_.loads[l].block.tensor].name, plan_.loads[l].bytes);
    };
    std::visit(Overloaded{[&](const Prepare&) { add("prepare", "", 0); },
                          [&](const Read& t) { add_load("read and move", t.load); },
                          [&](const Move& t) { add_load("move", t.load); },
                          [&](const Write& t) {
                            const Block& block = plan_.units[t.unit].targets[t.block];
                            add("write", input_.targets[block.tensor].info.name, t.segment.bytes);
                          },
                          [&](const Note&) { add("flush and note", "", 0); }},
               task);
  }

  /// What to do next, if anything can be done.
  std::optional<Task> next() {
    if (is_time_to_note()) {
      is_noting_ = true;
      return Note{std::exchange(to_note_, {})};
    }
    // The disk reads best while it writes: some threads keep to reading, as long as there is memory for it.
    if (!writes_.empty() && writing_ < writers_) return popped(writes_);
    if (!moves_.empty()) return popped(moves_);
    if (std::optional<Task> task = admitted()) return task;
    if (!writes_.empty()) return popped(writes_);
    return std::nullopt;
  }

  bool is_time_to_note() const {
    return !to_note_.empty() && !is_noting_ &&
           (bytes_done_ - noted_bytes_ >= NoteBytes || Clock::now() - noted_at_ >= NotePause);
  }

  template <class T>
  static Task popped(std::deque<T>& tasks) {
    Task task = tasks.front();
    tasks.pop_front();
    return task;
  }

  /// Goes on in the plan: gives out memory for the next load, if there is some.
  std::optional<Task> admitted() {
    while (unit_ < units_.size()) {
      const Unit& unit = plan_.units[unit_];
      if (is_done(unit_)) {
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
          return Prepare{unit_};
        }
      }
      while (load_ < unit.loads.size()) {
        const std::size_t l = unit.loads[load_];
        LoadState& load = loads_[l];
        if (!plan_.loads[l].is_operand && units_[unit_].operands_left > 0) return std::nullopt;
        if (load.stage == LoadState::Stage::There) {
          ++load_;
          return Move{unit_, l};
        }
        if (load.stage == LoadState::Stage::Coming) {
          load.waiting.push_back(unit_);
          ++load_;
          continue;
        }
        RULEC_ASSERT(load.stage == LoadState::Stage::Absent);
        std::optional<Buffer> buffer = arena_.take(plan_.loads[l].bytes, load_phase(plan_.loads[l]));
        if (!buffer) return std::nullopt;
        load.buffer = *buffer;
        load.stage = LoadState::Stage::Coming;
        ++load_;
        return Read{unit_, l};
      }
      if (unit.loads.empty()) complete(unit_);
      ++unit_;
      is_open_ = false;
      if (!writes_.empty()) return popped(writes_);
    }
    return std::nullopt;
  }

  void skip(const Unit& unit) {
    for (const Block& block : unit.targets) bytes_done_ += buffer_bytes(block, target_dtype(block));
    ++finished_units_;
  }

  /// Takes the buffers of the next unit, one after the other, as far as there is memory.
  bool open_unit() {
    UnitState& state = units_[unit_];
    const Unit& unit = plan_.units[unit_];
    while (state.targets.size() < unit.targets.size()) {
      const Block& block = unit.targets[state.targets.size()];
      const DType dtype = target_dtype(block);
      const Runs runs = runs_of(block, writer_.form(block.tensor).chunk, dtype);
      const std::optional<Buffer> buffer =
          arena_.take(buffer_bytes(block, dtype), phase_in_file(writer_.place(block.tensor, block.chunk), runs));
      if (!buffer) return false;
      state.targets.push_back({*buffer, 0});
    }
    return true;
  }

  bool is_to_prepare(const Unit& unit) const {
    return std::ranges::any_of(unit.targets, [&](const Block& block) {
      return has_gaps(block) || !input_.targets[block.tensor].fills.empty();
    });
  }

  /// Whether a buffer has cells that are zero because nothing says what they are.
  bool has_gaps(const Block& block) const { return block.memory != block.box || !input_.maps[block.tensor].is_covered; }

  std::size_t load_phase(const Load& load) const {
    if (load.is_operand) return 0;
    const Block& block = load.block;
    const ChunkForm form = reader_.form(block.tensor);
    if (!form.is_raw) return 0;
    return phase_in_file(reader_.place(block.tensor, block.chunk), runs_of(block, form.chunk, source_dtype(block)));
  }

  DType source_dtype(const Block& block) const { return input_.sources[block.tensor].dtype; }
  DType target_dtype(const Block& block) const { return input_.targets[block.tensor].info.dtype; }

  // ---- tasks, without the lock
  // ------------------------------------------------------------------------------------------

  Status perform(const Prepare& task, Scratch& /*scratch*/, Diagnostics& /*diags*/) {
    for (std::size_t b = 0; b < units_[task.unit].targets.size(); ++b) {
      const Block& block = plan_.units[task.unit].targets[b];
      const std::span<std::byte> bytes = units_[task.unit].targets[b].buffer.bytes;
      if (has_gaps(block)) std::ranges::fill(bytes, std::byte{});
      put_fills(block, bytes);
    }
    return Done{};
  }

  void put_fills(const Block& block, std::span<std::byte> bytes) const {
    const TargetTensor& target = input_.targets[block.tensor];
    for (std::size_t f = 0; f < target.fills.size(); ++f) {
      const CellMap& map = input_.maps[block.tensor].fills[f];
      if (target.fills[f].copy.cells() == 0) continue;
      for (const CellMap& part : restricted(map, MapEnd::Target, block.box)) {
        copy_strided(placed(part, {}, placement(block)), bits(target.info.dtype) / 8, target.fills[f].element, bytes);
      }
    }
  }

  Status perform(const Read& task, Scratch& scratch, Diagnostics& diags) {
    const Load& load = plan_.loads[task.load];
    const Buffer& buffer = loads_[task.load].buffer;
    if (load.is_operand) return reader_.read_whole(load.block.tensor, buffer.bytes, diags);
    if (!read_block(reader_, load.block, source_dtype(load.block), buffer.bytes, buffer.room, diags))
      return diags.failed();
    move(task.unit, task.load, scratch);
    return Done{};
  }

  Status perform(const Move& task, Scratch& scratch, Diagnostics& /*diags*/) {
    if (!plan_.loads[task.load].is_operand) move(task.unit, task.load, scratch);
    return Done{};
  }

  Status perform(const Write& task, Scratch& /*scratch*/, Diagnostics& diags) {
    const Block& block = plan_.units[task.unit].targets[task.block];
    return write_segment(writer_, block, target_dtype(block), task.segment,
                         units_[task.unit].targets[task.block].buffer.bytes, diags);
  }

  Status perform(const Note& task, Scratch& /*scratch*/, Diagnostics& diags) {
    if (!options_.flush->flush(diags)) return diags.failed();
    return options_.journal->append(task.units, diags);
  }

  /// Puts what the copies of a unit read of a load to where it goes.
  void move(std::size_t u, std::size_t l, Scratch& scratch) {
    const Block& from = plan_.loads[l].block;
    const Placement source = placement(from);
    for (std::size_t b = 0; b < plan_.units[u].targets.size(); ++b) {
      const Block& to = plan_.units[u].targets[b];
      const TargetTensor& target = input_.targets[to.tensor];
      const TargetMaps& maps = input_.maps[to.tensor];
      const std::span<std::byte> bytes = units_[u].targets[b].buffer.bytes;
      for (const std::size_t c : maps.copies_of(target, from.tensor)) {
        const CopyPiece& piece = target.copies[c];
        for (const CellMap& within : restricted(maps.copies[c], MapEnd::Source, from.box)) {
          for (const CellMap& part : restricted(within, MapEnd::Target, to.box)) {
            PiecePart cells{placed(part, source, placement(to)), {}};
            if (piece.operands.empty()) {
              cells.copy = simplified(std::move(cells.copy));
            } else {
              for (const MapAxis& axis : part.axes) cells.first.push_back(axis.first);
            }
            move_cells(piece, cells, loads_[l].buffer.bytes, operands_of(u, piece), bytes, scratch);
          }
        }
      }
    }
  }

  std::vector<OperandTensor> operands_of(std::size_t u, const CopyPiece& piece) const {
    std::vector<OperandTensor> operands;
    for (const CopyOperand& operand : piece.operands) {
      const auto& loads = plan_.units[u].loads;
      const auto load = std::ranges::find_if(loads, [&](std::size_t l) {
        return plan_.loads[l].is_operand && plan_.loads[l].block.tensor == operand.source;
      });
      RULEC_ASSERT(load != loads.end());
      operands.push_back({input_.sources[operand.source].dtype, loads_[*load].buffer.bytes});
    }
    return operands;
  }

  // ---- what follows from a task, under the lock
  // -------------------------------------------------------------------------

  void settle(const Prepare& /*task*/) { is_preparing_ = false; }

  void settle(const Read& task) {
    LoadState& load = loads_[task.load];
    load.stage = LoadState::Stage::There;
    for (const std::size_t unit : load.waiting) moves_.push_back({unit, task.load});
    load.waiting.clear();
    settle(Move{task.unit, task.load});
  }

  void settle(const Move& task) {
    LoadState& load = loads_[task.load];
    if (plan_.loads[task.load].is_operand) {
      --units_[task.unit].operands_left;
    } else {
      release(load);
    }
    if (--units_[task.unit].loads_left == 0) complete(task.unit);
  }

  void release(LoadState& load) {
    if (--load.uses_left > 0) return;
    arena_.give(load.buffer);
    load.stage = LoadState::Stage::Gone;
  }

  /// Everything of a unit is in its buffers.
  void complete(std::size_t u) {
    for (const std::size_t l : plan_.units[u].loads) {
      if (plan_.loads[l].is_operand) release(loads_[l]);
    }
    UnitState& state = units_[u];
    state.targets_left = state.targets.size();
    for (std::size_t b = 0; b < state.targets.size(); ++b) {
      const Block& block = plan_.units[u].targets[b];
      for (const Segment& segment : segments_of(writer_, block, target_dtype(block), WriteBytes)) {
        ++state.targets[b].writes_left;
        writes_.push_back({u, b, segment});
      }
    }
  }

  void settle(const Write& task) {
    bytes_done_ += task.segment.bytes;
    last_written_ = plan_.units[task.unit].targets[task.block].tensor;
    watched_.notify_one();
    UnitState& state = units_[task.unit];
    TargetState& target = state.targets[task.block];
    if (--target.writes_left > 0) return;
    arena_.give(target.buffer);
    if (--state.targets_left > 0) return;
    state.targets = {};
    ++finished_units_;
    if (options_.journal != nullptr && can_be_noted(plan_.units[task.unit])) to_note_.push_back(task.unit);
  }

  void settle(const Note& /*task*/) {
    is_noting_ = false;
    noted_at_ = Clock::now();
    noted_bytes_ = bytes_done_;
  }

  /// What has no place in a file is in memory until the end.
  bool can_be_noted(const Unit& unit) const {
    return std::ranges::all_of(
        unit.targets, [&](const Block& block) { return writer_.place(block.tensor, block.chunk).has_value(); });
  }

  const PlanInput& input_;
  const Plan& plan_;
  const ChunkReader& reader_;
  ChunkWriter& writer_;
  const WorkOptions& options_;

  std::mutex mutex_;                 // for all below
  std::condition_variable free_;     // threads that wait for something to do
  std::condition_variable watched_;  // the calling thread
  int waiting_ = 0;
  Arena arena_;
  std::vector<UnitState> units_;
  std::vector<LoadState> loads_;
  std::deque<Write> writes_;
  std::deque<Move> moves_;
  std::vector<std::size_t> to_note_;  // units
  bool is_noting_ = false;
  Clock::time_point noted_at_;
  std::uint64_t noted_bytes_ = 0;
  std::size_t unit_ = 0;  // whose memory is given out next
  std::size_t load_ = 0;  // of that unit
  bool is_open_ = false;  // it has its buffers
  bool is_preparing_ = false;
  int running_ = 0;  // tasks
  int writing_ = 0;  // of them
  int writers_ = 1;  // that there may be at a time, while others can read
  std::size_t finished_units_ = 0;
  std::uint64_t bytes_done_ = 0;
  std::size_t last_written_ = 0;
  bool stop_ = false;
  std::exception_ptr thrown_;
  Diagnostics said_;
};

}  // namespace

Status do_work(const PlanInput& input, const Plan& plan, const ChunkReader& reader, ChunkWriter& writer,
               const WorkOptions& options, Diagnostics& diags) {
  return Work(input, plan, reader, writer, options).run(diags);
}

}  // namespace rulec
