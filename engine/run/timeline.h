// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// What each thread of a run did when, so that anyone can see what it waits for. May be used from several threads.
class Timeline {
 public:
  using Clock = std::chrono::steady_clock;

  /// `kind` is a literal: read, move, write; `tensor` what it was done to.
  void add(std::size_t thread, std::string_view kind, std::string_view tensor, std::uint64_t bytes,
           Clock::time_point begin, Clock::time_point end);

  /// Makes a file of the Trace Event Format (a JSON array of complete events), as chrome://tracing and
  /// https://ui.perfetto.dev show it. Errors: R0809.
  Status write(const std::filesystem::path& path, Diagnostics& diags) const;

 private:
  struct Event {
    std::size_t thread = 0;
    std::string_view kind;
    std::string tensor;
    std::uint64_t bytes = 0;
    Clock::time_point begin;
    Clock::time_point end;
  };
  mutable std::mutex mutex_;
  std::vector<Event> events_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace rulec
