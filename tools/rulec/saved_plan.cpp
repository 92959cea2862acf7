// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/saved_plan.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/rulec/messages.h"

namespace rulec::cli {

Status take_plan(const std::string& file, ConvertOptions& options, Diagnostics& diags) {
  const FilePlace place{file, {}};
  std::ifstream in(file, std::ios::binary);
  if (!in) return report(diags, place, diag::CannotRead, file, "it cannot be opened");
  const nlohmann::json plan = nlohmann::json::parse(in, nullptr, false);
  const auto fingerprint = plan.is_object() ? plan.find("fingerprint") : plan.end();
  const auto memory = plan.is_object() ? plan.find("memory_bytes") : plan.end();
  const bool is_plan =
      fingerprint != plan.end() && fingerprint->is_string() && memory != plan.end() && memory->is_number_unsigned();
  if (!is_plan || fingerprint->get<std::string>().empty()) {
    return report(diags, place, diag::BadConfig, file, "a plan", "it needs a `fingerprint` and `memory_bytes`")
        .help("make one: rulec plan SRC DST --format json > plan.json");
  }
  const auto planned = memory->get<std::uint64_t>();
  if (options.memory_bytes && *options.memory_bytes != planned) {
    return report(diags, place, diag::PlanChanged)
        .note(
            fmt::format("it was made for a memory of {} bytes, and `--memory` says {}", planned, *options.memory_bytes))
        .help("leave `--memory` out, or plan again with it");
  }
  options.fingerprint = fingerprint->get<std::string>();
  options.memory_bytes = planned;
  return Done{};
}

}  // namespace rulec::cli
