// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <rulec/messages.h>

#include "tools/rulec/usage.h"

namespace rulec::cli {
namespace {

constexpr std::uint64_t MinMemory = std::uint64_t{64} << 20U;

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array Units = {Unit{"", 1},
                              Unit{"B", 1},
                              Unit{"KB", 1'000},
                              Unit{"MB", 1'000'000},
                              Unit{"GB", 1'000'000'000},
                              Unit{"TB", 1'000'000'000'000},
                              Unit{"KIB", 1ULL << 10},
                              Unit{"MIB", 1ULL << 20},
                              Unit{"GIB", 1ULL << 30},
                              Unit{"TIB", 1ULL << 40}};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

}  // namespace

BindOptions ModelArguments::bind_options() const {
  BindOptions out;
  out.options = assignments(options);
  for (auto& [side, file] : assignments(configs)) out.configs.emplace(side, file);
  out.preset = preset;
  return out;
}

CLI::Option* add_repeated(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                          const std::string& help) {
  return app.add_option(name, into, help)->allow_extra_args(false)->take_all();
}

void add_model_options(CLI::App& app, ModelArguments& into) {
  add_repeated(app, "--config", into.configs, "Config of a side: hf=config.json, maxtext=model.yml")
      ->type_name("SIDE=FILE")
      ->check(is_assignment("SIDE=FILE"));
  app.add_option("--preset", into.preset, "A model that the pack is shipped with")->type_name("NAME");
  add_repeated(app, "--set", into.options, "Decides an option of the pack, such as scan_layers=false")
      ->type_name("OPTION=VALUE")
      ->check(is_assignment("OPTION=VALUE"));
}

void add_format_option(CLI::App& app, Format& into) {
  const std::map<std::string, Format> names = {{"text", Format::Text}, {"json", Format::Json}};
  app.add_option("--format", into, "How the result is written")->transform(one_of(names))->type_name("text|json");
}

void add_cast_option(CLI::App& app, bool& is_first) {
  app.add_option_function<std::string>(
         "--cast", [&is_first](const std::string& when) { is_first = when == "first"; },
         "Round to that type after the hooks (last, the default), or before them as MaxText does (first)")
      ->check(unlisted(CLI::IsMember({"last", "first"})))
      ->type_name("last|first");
}

void add_limit_options(CLI::App& app, std::optional<std::uint64_t>& memory_bytes, int& threads) {
  app.add_option_function<std::string>(
         "--memory", [&memory_bytes](const std::string& text) { memory_bytes = parse_bytes(text); },
         "For tensors at a time, at least 64MiB; 1GiB unless given, or a quarter of what there is")
      ->check(CLI::Validator(
          [](std::string& text) {
            return parse_bytes(text).value_or(0) >= MinMemory ? std::string()
                                                              : "expected a size of 64MiB or more, found " + text;
          },
          "", "size"))
      ->type_name("SIZE");
  app.add_option("--threads", threads, "That compute; one for each core unless given")
      ->check(unlisted(CLI::Range(1, 1024)))
      ->type_name("N");
}

CLI::Validator unlisted(CLI::Validator validator) {
  validator.description("");
  return validator;
}

CLI::Validator is_assignment(const std::string& form) {
  return CLI::Validator(
      [form](std::string& word) {
        const std::size_t equals = word.find('=');
        return equals == std::string::npos || equals == 0 ? "expected " + form + ", found " + word : std::string();
      },
      "");
}

std::map<std::string, std::string> assignments(const std::vector<std::string>& words) {
  std::map<std::string, std::string> out;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    out[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return out;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return std::nullopt;
  const std::string unit = upper(std::string_view(end, text.data() + text.size()));
  const auto found = std::ranges::find(Units, std::string_view(unit), &Unit::name);
  if (found == Units.end() || count > std::numeric_limits<std::uint64_t>::max() / found->bytes) return std::nullopt;
  return count * found->bytes;
}

std::vector<std::string> name_sides(std::vector<std::string> words, const CLI::App& check) {
  if (words.empty() || words.front() != check.get_name()) return words;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string word = words[i];
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (name == "--help" || check.get_option_no_throw(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const CLI::Option* option : check.get_options()) known.push_back(option->get_name());
    if (!close_names(name, known).empty()) continue;                     // a slip, which CLI11 will find
    if (equals == std::string::npos && i + 1 == words.size()) continue;  // CLI11 will say that it does not know it
    const std::string value = equals == std::string::npos ? words[i + 1] : word.substr(equals + 1);
    if (equals == std::string::npos) words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    words[i] = "--checkpoint=" + name.substr(2) + "=" + value;
  }
  return words;
}

}  // namespace rulec::cli
