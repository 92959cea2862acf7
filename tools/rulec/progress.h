// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <rulec/convert.h>

namespace rulec::cli {

enum class ProgressStyle : std::uint8_t {
  Auto,   ///< a bar if stderr is a terminal, else plain lines
  Plain,  ///< a line every ten seconds, and one at the end
  Json,   ///< a JSON object every second, and one at the end
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
  struct Measures {
    double bytes_per_second = 0;
    std::optional<double> seconds_left;
  };
  Measures measures(const Progress& progress) const;
  std::string words(const Progress& progress) const;
  void print_object(const Progress& progress) const;
  void draw_bar(const Progress& progress);

  bool is_asked_for_;  // lines: then the end has one too, however soon it comes
  enum class Shape : std::uint8_t { Bar, Lines, Objects, Nothing } shape_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
};

}  // namespace rulec::cli
