// SPDX-License-Identifier: Apache-2.0
// Options that several subcommands share, and the forms of their values.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <rulec/pack.h>

namespace rulec::cli {

enum class Format : std::uint8_t { Text, Json };

/// What ties a pack to a model.
struct ModelArguments {
  std::vector<std::string> configs;  ///< `SIDE=FILE`
  std::vector<std::string> options;  ///< `OPTION=VALUE`
  std::string preset;

  /// The same, as the library takes it. Nothing is read.
  BindOptions bind_options() const;
};

void add_model_options(CLI::App& app, ModelArguments& into);
void add_format_option(CLI::App& app, Format& into);

/// `--cast last|first`: sets whether it is `first`.
void add_cast_option(CLI::App& app, bool& is_first);
/// `--memory SIZE` and `--threads N`.
void add_limit_options(CLI::App& app, std::optional<std::uint64_t>& memory_bytes, int& threads);

/// Adds an option that may be given many times, one value each.
CLI::Option* add_repeated(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                          const std::string& help);

/// `KEY=VALUE` words as a map; the last one wins. Each word has passed `is_assignment`.
std::map<std::string, std::string> assignments(const std::vector<std::string>& words);

/// Accepts `KEY=VALUE` with a key.
CLI::Validator is_assignment(const std::string& form);

/// The same validator, its values not listed in --help again: the type's name says them.
CLI::Validator unlisted(CLI::Validator validator);

/// Bytes of `5GB`, `512MiB` or `1000`, or nothing.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// Rewrites `check ... --SIDE CHECKPOINT` to `--checkpoint SIDE=CHECKPOINT`: the names of sides are those of a pack
/// that is not known yet. Whatever `check` declares itself stays, and what looks like a slip for that.
std::vector<std::string> name_sides(std::vector<std::string> words, const CLI::App& check);

}  // namespace rulec::cli
