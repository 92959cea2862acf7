// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <rulec/messages.h>

namespace rulec::cli {
namespace {

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string> close = close_names(word, known);
  return close.empty() ? std::string() : fmt::format("; did you mean {}?", fmt::join(close, " or "));
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::string words(const CLI::App& app, const CLI::App& at, const CLI::Error& error) {
  const std::vector<std::string> left = app.remaining(true);
  if (left.empty()) return error.what();
  if (const auto option = std::ranges::find_if(left, [](const std::string& w) { return w.starts_with("-"); });
      option != left.end()) {
    const std::string name = option->substr(0, option->find('='));
    const std::string close = did_you_mean(name, option_names(at));
    // With a value it would be a side, and name_sides would have taken it.
    if (at.get_name() == "check" && name.starts_with("--") && close.empty())
      return fmt::format("there is no option {}; if it names a side, the checkpoint is missing behind it", name);
    return fmt::format("there is no option {}{}", name, close);
  }
  if (&at != &app) return error.what();
  const std::vector<std::string> commands = subcommand_names(app);
  const std::string close = did_you_mean(left.front(), commands);
  return fmt::format("there is no subcommand {}{}", left.front(),
                     close.empty() ? fmt::format("; there are {}", fmt::join(commands, ", ")) : close);
}

}  // namespace

std::string usage_message(const CLI::App& app, const CLI::Error& error) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  const CLI::App& at = chosen.empty() ? app : *chosen.front();
  return fmt::format("rulec: {}\nrulec: `rulec{} --help` tells what it takes\n", words(app, at, error),
                     chosen.empty() ? "" : " " + at.get_name());
}

std::string not_one_of(const std::string& word, const std::vector<std::string>& known) {
  return fmt::format("expected {}, found {}{}", fmt::join(known, ", "), word, did_you_mean(word, known));
}

}  // namespace rulec::cli
