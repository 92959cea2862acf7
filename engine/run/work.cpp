// SPDX-License-Identifier: Apache-2.0
#include "engine/run/work.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <variant>

#include "engine/run/perform.h"
#include "engine/run/schedule.h"
#include "grammar/internal_error.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

/// Twice as many threads again as compute wait for the disk; all but one may write.
int thread_count(const WorkOptions& options) {
  return 3 * std::max(1, options.threads);
}

Schedule::Options schedule_options(const WorkOptions& options) {
  return {options.memory_bytes, std::max(1, thread_count(options) - 1), options.done_before,
          options.journal != nullptr};
}

class Work {
 public:
  Work(const PlanInput& input, const Plan& plan, const WorkOptions& options)
      : input_(input),
        plan_(plan),
        options_(options),
        team_(options.on_progress),
        schedule_(input, plan, schedule_options(options)) {}

  Status run(Diagnostics& diags) {
    const Status is_done =
        team_.run(thread_count(options_), [this](std::size_t thread) { work(thread); }, [this] { wake_all(); }, diags);
    if (!is_done || !options_.notes_all) return is_done;
    return options_.journal->note(schedule_.unnoted(), diags);
  }

 private:
  void work(std::size_t thread) {
    Scratch scratch;
    while (const std::optional<Task> task = next()) {
      Diagnostics diags;
      const Timeline::Clock::time_point begin = Timeline::Clock::now();
      const bool is_done =
          static_cast<bool>(perform({input_, plan_, schedule_, options_.journal}, *task, scratch, diags));
      if (options_.trace != nullptr) trace(thread, *task, begin);
      team_.report(diags);
      RULEC_ASSERT(is_done || team_.is_stopped());
      if (is_done) settle(*task);
    }
  }

  /// Waits for something to do; nothing: there is nothing more.
  std::optional<Task> next() {
    std::unique_lock lock(mutex_);
    while (!team_.is_stopped()) {
      std::optional<Task> task = schedule_.next();
      if (task) {
        // Whoever wakes up does the same, as long as there is something to do.
        if (waiting_ > 0) free_.notify_one();
        return task;
      }
      if (schedule_.is_over()) {
        if (!is_told_) tell();  // all had been done before
        break;
      }
      // The plan fits into the memory that was allowed, but the machine may have less.
      if (!schedule_.is_busy()) throw std::bad_alloc();
      ++waiting_;
      free_.wait(lock);
      --waiting_;
    }
    free_.notify_all();
    return std::nullopt;
  }

  void settle(const Task& task) {
    const std::lock_guard lock(mutex_);
    schedule_.settle(task);
    if (std::holds_alternative<tasks::Write>(task)) tell();
  }

  void tell() {
    is_told_ = true;
    team_.progress({schedule_.bytes_done(), schedule_.last_written()});
  }

  void wake_all() {
    const std::lock_guard lock(mutex_);
    free_.notify_all();
  }

  void trace(std::size_t thread, const Task& task, Timeline::Clock::time_point begin) const {
    const auto add = [&](std::string_view kind, std::string_view tensor, std::uint64_t bytes) {
      options_.trace->add(thread, kind, tensor, bytes, begin, Timeline::Clock::now());
    };
    const auto add_load = [&](std::string_view kind, std::size_t l) {
      add(kind, input_.sources[plan_.loads[l].blocks.front().tensor].name, plan_.loads[l].bytes);
    };
    std::visit(Overloaded{[&](const tasks::Prepare&) { add("prepare", "", 0); },
                          [&](const tasks::Read& t) { add_load("read and move", t.load); },
                          [&](const tasks::Move& t) { add_load("move", t.load); },
                          [&](const tasks::Write& t) {
                            const Block& block = plan_.units[t.unit].targets[t.block];
                            add("write", input_.targets[block.tensor].info.name, t.segment.bytes);
                          },
                          [&](const tasks::Note&) { add("note", "", 0); }},
               task);
  }

  const PlanInput& input_;
  const Plan& plan_;
  const WorkOptions& options_;
  Team team_;
  std::mutex mutex_;  // for all below
  Schedule schedule_;
  std::condition_variable free_;  // threads that wait for something to do
  int waiting_ = 0;
  bool is_told_ = false;  // how far it is
};

}  // namespace

Status do_work(const PlanInput& input, const Plan& plan, const WorkOptions& options, Diagnostics& diags) {
  return Work(input, plan, options).run(diags);
}

}  // namespace rulec
