// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/progress.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "tools/rulec/quantity.h"
#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

constexpr std::chrono::milliseconds BarPause(100);
constexpr std::chrono::seconds LinePause(5);
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
  const std::map<std::string, ProgressStyle> styles = {
      {"auto", ProgressStyle::Auto}, {"plain", ProgressStyle::Plain}, {"none", ProgressStyle::None}};
  app.add_option("--progress", into, "On stderr; auto: a bar on a terminal, else plain lines")
      ->transform(one_of(styles))
      ->type_name("auto|plain|none");
}

ProgressDisplay::ProgressDisplay(ProgressStyle style)
    : is_asked_for_(style == ProgressStyle::Plain),
      shape_(style == ProgressStyle::None                                 ? Shape::Nothing
             : style == ProgressStyle::Auto && isatty(STDERR_FILENO) != 0 ? Shape::Bar
                                                                          : Shape::Lines) {}

ProgressDisplay::~ProgressDisplay() {
  if (shape_ == Shape::Bar) std::fputs("\r\x1b[K", stderr);
}

void ProgressDisplay::show(const Progress& progress) {
  if (shape_ == Shape::Nothing) return;
  const Clock::time_point now = Clock::now();
  const bool is_last = progress.bytes_done >= progress.bytes_total;
  if (shape_ == Shape::Lines && now - shown_ < LinePause && !(is_asked_for_ && is_last)) return;
  if (shape_ == Shape::Bar && now - shown_ < BarPause && !is_last) return;
  shown_ = now;
  if (shape_ == Shape::Bar) {
    draw_bar(progress);
  } else {
    spdlog::info("{:3.0f} %  {}", 100 * part(progress), measures(progress));
  }
}

std::string ProgressDisplay::measures(const Progress& progress) const {
  const double seconds = std::chrono::duration<double>(shown_ - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(progress.bytes_done) / seconds : 0;
  const auto left = static_cast<double>(progress.bytes_total - std::min(progress.bytes_done, progress.bytes_total));
  return fmt::format("{} of {}, {}/s, {} left", bytes_text(progress.bytes_done), bytes_text(progress.bytes_total),
                     bytes_text(static_cast<std::uint64_t>(rate)),
                     rate > 0 ? time_text(std::chrono::duration<double>(left / rate)) : "?");
}

void ProgressDisplay::draw_bar(const Progress& progress) {
  const auto filled = static_cast<std::size_t>(part(progress) * BarWidth);
  const std::string bar = std::string(filled, '#') + std::string(BarWidth - filled, '.');
  std::string line =
      fmt::format("[{}] {:3.0f} %  {}  {}", bar, 100 * part(progress), measures(progress), progress.tensor);
  line.resize(std::min(line.size(), terminal_width() - 1));
  line = "\r\x1b[K" + line;
  std::fwrite(line.data(), 1, line.size(), stderr);  // a terminal that is gone is no reason to stop
  std::fflush(stderr);
}

}  // namespace rulec::cli
