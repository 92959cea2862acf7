// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/progress.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/rulec/quantity.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

constexpr std::chrono::milliseconds BarPause(100);
constexpr std::chrono::seconds LinePause(10);
constexpr std::chrono::seconds ObjectPause(1);
constexpr int BarWidth = 24;

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double part(const Progress& progress) {
  if (progress.bytes_total == 0) return 1;
  return std::min(1.0, static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total));
}

}  // namespace

void add_progress_option(CLI::App& app, ProgressStyle& into) {
  const std::map<std::string, ProgressStyle> styles = {{"auto", ProgressStyle::Auto},
                                                       {"plain", ProgressStyle::Plain},
                                                       {"json", ProgressStyle::Json},
                                                       {"none", ProgressStyle::None}};
  app.add_option("--progress", into, "On stderr; auto: a bar on a terminal, else plain lines")
      ->transform(one_of(styles))
      ->type_name("auto|plain|json|none");
}

ProgressDisplay::ProgressDisplay(ProgressStyle style)
    : is_asked_for_(style == ProgressStyle::Plain || style == ProgressStyle::Json),
      shape_(style == ProgressStyle::None                                 ? Shape::Nothing
             : style == ProgressStyle::Json                               ? Shape::Objects
             : style == ProgressStyle::Auto && isatty(STDERR_FILENO) != 0 ? Shape::Bar
                                                                          : Shape::Lines) {}

ProgressDisplay::~ProgressDisplay() {
  if (shape_ == Shape::Bar) std::fputs("\r\x1b[K", stderr);
}

void ProgressDisplay::show(const Progress& progress) {
  if (shape_ == Shape::Nothing) return;
  const Clock::time_point now = Clock::now();
  const bool is_last = progress.bytes_done >= progress.bytes_total;
  const Clock::duration pause = shape_ == Shape::Bar     ? Clock::duration(BarPause)
                                : shape_ == Shape::Lines ? Clock::duration(LinePause)
                                                         : Clock::duration(ObjectPause);
  const bool ends_too = shape_ == Shape::Bar || is_asked_for_;
  if (now - shown_ < pause && !(is_last && ends_too)) return;
  shown_ = now;
  if (shape_ == Shape::Bar) {
    draw_bar(progress);
  } else if (shape_ == Shape::Objects) {
    print_object(progress);
  } else {
    spdlog::info("{:3.0f} %  {}", 100 * part(progress), words(progress));
  }
}

// What a run before this one has done says nothing of the rate.
ProgressDisplay::Measures ProgressDisplay::measures(const Progress& progress) const {
  Measures measures;
  const double seconds = std::chrono::duration<double>(shown_ - start_).count();
  if (seconds > 0)
    measures.bytes_per_second = static_cast<double>(progress.bytes_done - progress.bytes_resumed) / seconds;
  const auto left = static_cast<double>(progress.bytes_total - std::min(progress.bytes_done, progress.bytes_total));
  if (measures.bytes_per_second > 0) measures.seconds_left = left / measures.bytes_per_second;
  return measures;
}

std::string ProgressDisplay::words(const Progress& progress) const {
  const auto [rate, left] = measures(progress);
  return fmt::format("{} of {}, {}/s, {} left", bytes_text(progress.bytes_done), bytes_text(progress.bytes_total),
                     bytes_text(static_cast<std::uint64_t>(rate)),
                     left ? time_text(std::chrono::duration<double>(*left)) : "?");
}

void ProgressDisplay::print_object(const Progress& progress) const {
  const auto [rate, left] = measures(progress);
  nlohmann::ordered_json object = {{"bytes_done", progress.bytes_done},
                                   {"bytes_total", progress.bytes_total},
                                   {"bytes_per_second", static_cast<std::uint64_t>(rate)},
                                   {"seconds_left", left ? nlohmann::ordered_json(*left) : nullptr},
                                   {"tensor", progress.tensor}};
  const std::string line = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void ProgressDisplay::draw_bar(const Progress& progress) {
  const auto filled = static_cast<std::size_t>(part(progress) * BarWidth);
  const std::string bar = std::string(filled, '#') + std::string(BarWidth - filled, '.');
  std::string line = fmt::format("[{}] {:3.0f} %  {}  {}", bar, 100 * part(progress), words(progress), progress.tensor);
  line.resize(std::min(line.size(), terminal_width() - 1));
  line = "\r\x1b[K" + line;
  std::fwrite(line.data(), 1, line.size(), stderr);  // a terminal that is gone is no reason to stop
  std::fflush(stderr);
}

}  // namespace rulec::cli
