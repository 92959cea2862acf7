// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// Threads that share work, for a thread that waits for them: what they report, what they throw and how far they are
/// comes to it. An error or an exception of one stops all.
class Team {
 public:
  /// How far the work is: bytes, and of which tensor the last ones were.
  struct Mark {
    std::uint64_t bytes = 0;
    std::size_t tensor = 0;
  };

  /// `on_progress`, which may be empty, is called in the waiting thread when there is a new mark, with the last one.
  explicit Team(std::function<void(const Mark&)> on_progress) : on_progress_(std::move(on_progress)) {}

  /// Calls `work` in so many threads, or as many as the machine has, with their numbers; returns when all have ended.
  /// `on_stop` is called, in any thread, when the others are to end early: to wake those that wait for something.
  ///
  /// Throws what was thrown first, there or by `on_progress`; std::bad_alloc if there is no thread. Diagnostics of all
  /// threads go to `diags`, of each in its order.
  Status run(int count, const std::function<void(std::size_t)>& work, const std::function<void()>& on_stop,
             Diagnostics& diags);

  // For the threads, who hold no lock that `on_stop` takes.

  /// Takes over what a thread has to say. Errors among it stop the team.
  void report(const Diagnostics& said);
  /// Whether to end.
  bool is_stopped() const;

  // These may be called with any lock.

  void progress(const Mark& mark);

 private:
  void stop(std::exception_ptr thrown);
  void watch();

  std::function<void(const Mark&)> on_progress_;
  std::function<void()> on_stop_;
  mutable std::mutex mutex_;  // for all below
  std::condition_variable changed_;
  std::size_t working_ = 0;   // threads
  std::optional<Mark> mark_;  // not told yet
  bool is_stopped_ = false;
  std::exception_ptr thrown_;
  Diagnostics said_;
};

}  // namespace rulec
