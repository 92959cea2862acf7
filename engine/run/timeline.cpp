// SPDX-License-Identifier: Apache-2.0
#include "engine/run/timeline.h"

#include <nlohmann/json.hpp>

#include "engine/file/output_file.h"

namespace rulec {

void Timeline::add(std::size_t thread, std::string_view kind, std::string_view tensor, std::uint64_t bytes,
                   Clock::time_point begin, Clock::time_point end) {
  const std::lock_guard lock(mutex_);
  events_.push_back({thread, kind, std::string(tensor), bytes, begin, end});
}

Status Timeline::write(const std::filesystem::path& path, Diagnostics& diags) const {
  using Microseconds = std::chrono::duration<double, std::micro>;
  const std::lock_guard lock(mutex_);
  nlohmann::ordered_json events = nlohmann::ordered_json::array();
  for (const Event& event : events_) {
    events.push_back({{"name", event.kind},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", event.thread},
                      {"ts", Microseconds(event.begin - start_).count()},
                      {"dur", Microseconds(event.end - event.begin).count()},
                      {"args", {{"tensor", event.tensor}, {"bytes", event.bytes}}}});
  }
  const std::string text = events.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return write_over(path, std::as_bytes(std::span(text)), diags);
}

}  // namespace rulec
