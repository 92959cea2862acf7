// SPDX-License-Identifier: Apache-2.0
// MaxText's own conversions of toy models of every family, bit for bit: tests/data/oracle/README.md says where they
// come from, and tests/data/oracle/cases.txt which pack makes which of them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/codec/xxh3.h"
#include "engine/run/run.h"
#include "engine/store/tensor_list.h"
#include "tests/elaborated.h"
#include "tests/numbers_by_name.h"

#include <rulec/pack.h>

namespace rulec::oracle_families_test {

using namespace testing;
namespace {

namespace fs = std::filesystem;

const fs::path Root = fs::path(RULEC_TESTS_DIR) / "data/oracle";

/// A line of cases.txt.
struct Case {
  std::string pack;
  std::string name;
  std::size_t beyond = 0;  ///< tensors of all its conversions that rulec makes and MaxText fails on
  std::map<std::string, Value, std::less<>> options;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  std::ifstream file(Root / "cases.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    Case one;
    if (!(words >> one.pack >> one.name >> one.beyond)) continue;
    for (std::string option; words >> option;) {
      const std::size_t equals = option.find('=');
      one.options[option.substr(0, equals)] = option.substr(equals + 1);
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

/// The tensors of a list, filled with the numbers that belong to their names.
MemoryStore filled(const fs::path& list, Diagnostics& diags) {
  MemoryStore store;
  const auto tensors = parse_tensor_list(diags.sources().add(list.string(), text_of(list)), diags);
  REQUIRE_MESSAGE(tensors, render_text(diags));
  for (const TensorInfo& info : *tensors) store.put(info, numbers_by_name(info));
  return store;
}

/// `BF16 [2 3] 00112233445566778899aabbccddeeff`: what a line of a `.sums` file says behind the name.
std::string sum_of(const TensorInfo& info, std::span<const std::byte> bytes) {
  Xxh3 sum;
  sum.add(bytes);
  return fmt::format("{} {} {}", name(info.dtype), to_string(info.shape), sum.digits());
}

std::map<std::string, std::string> sums_in(const fs::path& path) {
  std::map<std::string, std::string> sums;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t blank = line.find(' ');
    if (!line.starts_with('#')) sums[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return sums;
}

/// What comes out of a conversion to this side.
const char* sums_of(SideId to) {
  return to == SideId::Left ? "maxtext.sums" : "hf.sums";
}

/// Of one family, or of one conversion.
struct Count {
  std::size_t conversions = 0;
  std::size_t tensors = 0;
  std::size_t equal = 0;
  std::size_t beyond = 0;
};

void try_conversion(const Case& one, const fs::path& layout, SideId to, Count& count) {
  const bool to_maxtext = to == SideId::Left;
  const Given given{{layout / "maxtext.yml", layout.parent_path() / "config.json"}, one.options};
  const Elaborated made = elaborate_pack(one.pack, given);
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  Diagnostics& diags = *made.diags;
  const MemoryStore source =
      filled(to_maxtext ? layout.parent_path() / "hf.tensors" : layout / "maxtext.tensors", diags);
  const DType dtype = one.name.ends_with("fp8") ? DType::F8E4M3 : one.name.ends_with("f16") ? DType::F16 : DType::Bf16;
  const Result<Graph> graph = build_graph(*made.pack, to, {source.tensors(), "the vectors", dtype, true, {}}, diags);
  REQUIRE_MESSAGE(graph, render_text(diags));
  MemoryStore written;
  RunOptions how;
  how.pad_policy = how.constant_policy = how.alias_policy = Policy::Drop;
  REQUIRE_MESSAGE(run(*made.pack, *graph, stores_of(source, written), how, diags), render_text(diags));

  std::map<std::string, std::string> sums = sums_in(layout / sums_of(to));
  ++count.conversions;
  for (const TensorInfo& info : written.tensors()) {
    const auto known = sums.find(info.name);
    if (known == sums.end()) {
      ++count.beyond;
      continue;
    }
    const std::string ours = sum_of(info, written.bytes(info.name));
    CHECK_MESSAGE(ours == known->second, info.name);
    ++count.tensors;
    count.equal += ours == known->second ? 1 : 0;
    sums.erase(known);
  }
  for (const auto& [name, sum] : sums) FAIL_CHECK("MaxText makes ", name, " too");
}

/// Of its own file.
std::size_t lines_of(const std::string& pack) {
  Diagnostics diags;
  const Result<RulePack> loaded = load_pack(pack, diags);
  REQUIRE_MESSAGE(loaded, render_text(diags));
  return loaded->lines();
}

}  // namespace

TEST_CASE("what MaxText makes of every family, rulec makes too") {
  std::map<std::string, Count> families;
  std::set<std::string> tried;
  for (const Case& one : all_cases()) {
    Count count;
    for (const char* layout : {"scan", "unscan"}) {
      if (!fs::exists(Root / one.name / layout)) continue;
      for (const SideId to : BothSides) {
        if (!fs::exists(Root / one.name / layout / sums_of(to))) continue;  // MaxText has no way there
        CAPTURE(one.name);
        CAPTURE(layout);
        CAPTURE(number(to));
        try_conversion(one, Root / one.name / layout, to, count);
      }
    }
    CHECK(count.conversions > 0);
    CHECK_MESSAGE(count.beyond == one.beyond, one.name);
    Count& family = families[one.pack];
    family.conversions += count.conversions;
    family.tensors += count.tensors;
    family.equal += count.equal;
    family.beyond += count.beyond;
    tried.insert(one.name);
  }
  for (const auto& folder : fs::directory_iterator(Root)) {
    if (fs::exists(folder.path() / "hf.tensors"))
      CHECK_MESSAGE(tried.contains(folder.path().filename().string()), folder.path().string());
  }
  std::cout << fmt::format("{:14}{:>12}{:>9}{:>9}{:>9}{:>7}\n", "family", "conversions", "tensors", "equal", "beyond",
                           "lines");
  for (const auto& [name, count] : families)
    std::cout << fmt::format("{:14}{:>12}{:>9}{:>9}{:>9}{:>7}\n", name, count.conversions, count.tensors, count.equal,
                             count.beyond, lines_of(name));
}

}  // namespace rulec::oracle_families_test
