// SPDX-License-Identifier: Apache-2.0
#include "engine/run/team.h"

#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace rulec {

Status Team::run(int count, const std::function<void(std::size_t)>& work, const std::function<void()>& on_stop,
                 Diagnostics& diags) {
  on_stop_ = on_stop;
  const auto body = [&](std::size_t thread) {
    try {
      work(thread);
    } catch (...) {
      stop(std::current_exception());
    }
    const std::lock_guard lock(mutex_);
    --working_;
    changed_.notify_one();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    {
      const std::lock_guard lock(mutex_);
      ++working_;
    }
    try {
      threads.emplace_back(body, static_cast<std::size_t>(i));
    } catch (const std::system_error&) {  // the machine has no more
      const std::lock_guard lock(mutex_);
      --working_;
      break;
    }
  }
  if (threads.empty()) throw std::bad_alloc();
  watch();
  for (std::thread& thread : threads) thread.join();
  if (thrown_) std::rethrow_exception(thrown_);
  for (const Diagnostic& diagnostic : said_.all()) diags.add(diagnostic);
  if (said_.errors() > 0) return diags.failed();
  return Done{};
}

/// In the waiting thread.
void Team::watch() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return working_ == 0 || mark_; });
    const std::optional<Mark> mark = std::exchange(mark_, {});
    if (mark && !is_stopped_ && on_progress_) {
      lock.unlock();
      try {
        on_progress_(*mark);
      } catch (...) {
        stop(std::current_exception());
      }
      lock.lock();
    }
    if (working_ == 0 && !mark_) return;
  }
}

void Team::stop(std::exception_ptr thrown) {
  {
    const std::lock_guard lock(mutex_);
    if (thrown != nullptr && thrown_ == nullptr) thrown_ = std::move(thrown);
    is_stopped_ = true;
  }
  on_stop_();
}

void Team::report(const Diagnostics& said) {
  if (said.all().empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const Diagnostic& diagnostic : said.all()) said_.add(diagnostic);
  }
  if (said.errors() > 0) stop(nullptr);
}

bool Team::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_;
}

void Team::progress(const Mark& mark) {
  if (!on_progress_) return;
  const std::lock_guard lock(mutex_);
  mark_ = mark;
  changed_.notify_one();
}

}  // namespace rulec
