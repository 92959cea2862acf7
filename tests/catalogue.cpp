// SPDX-License-Identifier: Apache-2.0
// The catalogue of messages and its pages: every row has one, and says the same in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "grammar/messages.h"
#include "tests/scratch.h"

namespace rulec::catalogue_test {
namespace {

const std::filesystem::path Pages = std::filesystem::path(RULEC_TESTS_DIR) / ".." / "grammar" / "messages";

bool is_id(std::string_view text) {
  return text.size() == 5 && text.front() == 'R' &&
         std::ranges::all_of(text.substr(1), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_kebab(std::string_view text) {
  const auto is_letter = [](unsigned char c) { return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-'; };
  return !text.empty() && std::ranges::all_of(text, is_letter) && text.front() != '-' && text.back() != '-' &&
         text.find("--") == std::string_view::npos;
}

std::size_t lines_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

TEST_CASE("ids are sorted and unique, names are kebab-case and unique") {
  std::string_view last;
  std::set<std::string_view> names;
  for (const Message& message : all_messages()) {
    CHECK_MESSAGE(is_id(message.id), message.id);
    CHECK_MESSAGE(last < message.id, message.id);
    CHECK_MESSAGE(is_kebab(message.name), message.name);
    CHECK_MESSAGE(names.insert(message.name).second, message.name);
    last = message.id;
  }
}

TEST_CASE("every message has a page, with its title and both examples") {
  for (const Message& message : all_messages()) {
    const std::string id(message.id);
    const std::filesystem::path page = Pages / (id + ".md");
    REQUIRE_MESSAGE(std::filesystem::exists(page), id);
    const std::string text = testing::read_file(page);
    CHECK_MESSAGE(text.starts_with("# " + id + " " + std::string(message.name) + "\n\n"), id);
    CHECK_MESSAGE(text.find("\n## Wrong\n") < text.find("\n## Right\n"), id);
    CHECK_MESSAGE(text.find("\n## Right\n") != std::string::npos, id);
    CHECK_MESSAGE(lines_of(text) < 80, id);
    const bool says_off = text.find("\nOff by default; `--enable " + id + "`.\n") != std::string::npos;
    CHECK_MESSAGE(says_off == (message.severity == Severity::Off), id);
  }
}

TEST_CASE("every page is of a message") {
  for (const auto& file : std::filesystem::directory_iterator(Pages)) {
    const std::string id = file.path().stem().string();
    const Message* message = is_id(id) ? find_message(id) : nullptr;
    CHECK_MESSAGE(message != nullptr, file.path().filename().string());
  }
}

TEST_CASE("every message that the pages and the reference point to is there") {
  std::vector<std::filesystem::path> files{Pages / ".." / "README.md"};
  for (const auto& file : std::filesystem::directory_iterator(Pages)) files.push_back(file.path());
  for (const std::filesystem::path& file : files) {
    const std::string text = testing::read_file(file);
    for (std::size_t at = text.find('R'); at != std::string::npos; at = text.find('R', at + 1)) {
      const std::string_view id = std::string_view(text).substr(at, 5);
      if (is_id(id)) CHECK_MESSAGE(find_message(id) != nullptr, id, " in ", file.filename().string());
    }
  }
}

}  // namespace rulec::catalogue_test
