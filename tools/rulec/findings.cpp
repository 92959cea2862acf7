// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/findings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace rulec::cli {
namespace {

// Packs, presets, sides and options that the command line names: usage, although found while names were resolved.
constexpr std::array<std::string_view, 5> UsageIds = {"R0217", "R0218", "R0221", "R0222", "R0223"};

ExitCode exit_code(const Diagnostic& diagnostic) {
  if (diagnostic.severity != Severity::Error) return ExitCode::Fine;
  if (diagnostic.id == "R0999") return ExitCode::Bug;
  const bool is_input = diagnostic.id.starts_with("R08") || diagnostic.id.starts_with("R09");
  return is_input || std::ranges::count(UsageIds, diagnostic.id) != 0 ? ExitCode::Error : ExitCode::Findings;
}

}  // namespace

ExitCode exit_code(const Diagnostics& diags) {
  ExitCode worst = ExitCode::Fine;
  for (const Diagnostic& diagnostic : diags.all()) worst = std::max(worst, exit_code(diagnostic));
  return worst;
}

void print_findings(const Diagnostics& diags, std::FILE* to) {
  if (diags.all().empty()) return;
  const bool color = isatty(fileno(to)) != 0 && std::getenv("NO_COLOR") == nullptr;
  const std::string text = render_text(diags, {.color = color});
  std::fwrite(text.data(), 1, text.size(), to);
}

ExitCode finish(const Diagnostics& diags, Format format, nlohmann::ordered_json result) {
  if (format == Format::Text) {
    print_findings(diags, stderr);
  } else {
    result["diagnostics"] = to_json(diags);
    print_json(result);
  }
  return exit_code(diags);
}

void print_json(const nlohmann::ordered_json& result) {
  const std::string text = result.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

nlohmann::ordered_json to_json(const Diagnostics& diags) {
  return nlohmann::ordered_json::parse(render_json(diags));
}

}  // namespace rulec::cli
