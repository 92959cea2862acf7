// SPDX-License-Identifier: Apache-2.0
#include "tests/golden.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace rulec::golden {
namespace {

constexpr std::string_view Mark = "--- ";

struct Case {
  std::string preamble;
  Sections sections;
  std::string expected;
};

Case read(const std::filesystem::path& path) {
  Case out;
  std::ifstream file(path);
  std::string* text = &out.preamble;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(Mark)) {
      *text += line + "\n";
    } else if (line == "--- expect") {
      text = &out.expected;
    } else {
      out.sections.push_back({line.substr(Mark.size()), {}});
      text = &out.sections.back().text;
    }
  }
  return out;
}

void write(const std::filesystem::path& path, const Case& one, std::string_view actual) {
  std::ofstream file(path);
  file << one.preamble;
  for (const Section& section : one.sections) file << Mark << section.name << "\n" << section.text;
  file << "--- expect\n" << actual;
}

int run(const std::filesystem::path& path) {
  const Case one = read(path);
  const std::string stage = path.parent_path().filename().string();
  const auto found = std::ranges::find(all_stages(), stage, &Stage::name);
  if (found == all_stages().end()) {
    std::cerr << "no stage `" << stage << "`\n";
    return 2;
  }
  std::string actual = found->run(one.sections);
  if (!actual.empty() && actual.back() != '\n') actual += '\n';
  const char* update = std::getenv("RULEC_UPDATE");
  if (update && *update) {
    write(path, one, actual);
    return 0;
  }
  if (actual == one.expected) return 0;
  std::cerr << path.string() << "\n--- expected\n" << one.expected << "--- actual\n" << actual;
  return 1;
}

}  // namespace

const Section* find(const Sections& sections, std::string_view name) {
  const auto found = std::ranges::find(sections, name, &Section::name);
  return found == sections.end() ? nullptr : &*found;
}

std::span<const Stage> all_stages() {
  static constexpr std::array Stages{
      Stage{"check", check_stage}, Stage{"graph", graph_stage}, Stage{"mistakes", mistakes_stage},
      Stage{"names", names_stage}, Stage{"pack", pack_stage},   Stage{"parse", parse_stage},
      Stage{"store", store_stage},
  };
  return Stages;
}

}  // namespace rulec::golden

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: rulec_golden FILE...\n";
    return 2;
  }
  int worst = 0;
  for (int i = 1; i < argc; ++i) {
    try {
      worst = std::max(worst, rulec::golden::run(argv[i]));
    } catch (const std::exception& error) {
      std::cerr << argv[i] << ": " << error.what() << "\n";
      worst = 2;
    }
  }
  return worst;
}
