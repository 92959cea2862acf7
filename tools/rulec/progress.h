// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <cstdint>
#include <string>

#include <rulec/convert.h>

namespace rulec::cli {

enum class ProgressStyle : std::uint8_t {
  Auto,   ///< a bar if stderr is a terminal, else plain lines
  Plain,  ///< a line every few seconds, and one at the end
  None,
};

void add_progress_option(CLI::App& app, ProgressStyle& into);

/// Shows on stderr how far a conversion is, its rate and the time left. A bar is wiped when this goes.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(ProgressStyle style);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  std::string measures(const Progress& progress) const;
  void draw_bar(const Progress& progress);

  bool is_asked_for_;  // lines: then the end has one too, however soon it comes
  enum class Shape : std::uint8_t { Bar, Lines, Nothing } shape_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
};

}  // namespace rulec::cli
