// SPDX-License-Identifier: Apache-2.0
// Words for a command line that is wrong.
#pragma once

#include <CLI/App.hpp>
#include <map>
#include <string>
#include <vector>

namespace rulec::cli {

/// What is printed for an error that CLI11 found while it parsed for `app`: with the word that is wrong, and what may
/// have been meant.
std::string usage_message(const CLI::App& app, const CLI::Error& error);

/// `expected text or json, found yaml`, and what may have been meant.
std::string not_one_of(const std::string& word, const std::vector<std::string>& known);

/// Accepts the names and puts the values in their place. --help does not list them: the type's name says them.
template <class T>
CLI::Validator one_of(const std::map<std::string, T>& names) {
  return CLI::Validator(
      [names](std::string& word) {
        std::vector<std::string> known;
        for (const auto& [name, value] : names) known.push_back(name);
        const auto found = names.find(word);
        if (found == names.end()) return not_one_of(word, known);
        word = std::to_string(static_cast<int>(found->second));
        return std::string();
      },
      "");
}

}  // namespace rulec::cli
