// SPDX-License-Identifier: Apache-2.0
#include "tests/page.h"

#include <charconv>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/config/config.h"
#include "tests/fenced.h"
#include "tests/scratch.h"

#include <rulec/check.h>

namespace rulec::testing {
namespace {

std::size_t number(std::string_view text, int base = 10) {
  std::size_t result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result, base);
  return result;
}

/// Lines such as `norm.weight F32 [4]`; every number is zero.
MemoryStore read_tensors(const std::string& text) {
  MemoryStore store;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string dtype;
    words >> name >> dtype;
    TensorInfo info{name, find_dtype(dtype).value_or(DType::F32), {}};
    for (std::string extent; words >> extent;)
      info.shape.push_back(std::stoll(extent.substr(extent.find_first_not_of('['))));
    std::vector<std::byte> zeros(info.bytes());
    store.put(std::move(info), std::move(zeros));
  }
  return store;
}

/// Lines `set: name=value` and `preset: name`.
void read_options(const std::string& text, PageSection& section) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::string rest = line.substr(line.find(' ') + 1);
    if (line.starts_with("preset:")) {
      section.preset = rest;
    } else {
      const std::size_t equals = rest.find('=');
      section.options[rest.substr(0, equals)] = rest.substr(equals + 1);
    }
  }
}

void take_pack(const FencedBlock& block, PageSection& section) {
  section.pack = block.text;
  section.line = block.line;
  section.is_example = block.has("example");
  if (const std::string_view byte = block.option("byte"); !byte.empty())
    section.pack->at(section.pack->find('@')) = static_cast<char>(number(byte, 16));
}

void take(const FencedBlock& block, PageSection& section) {
  const std::string file(block.option("file"));
  if (block.language() == "rules" && !file.empty()) {
    section.rules[file] = block.text;
  } else if (block.language() == "rules") {
    take_pack(block, section);
  } else if (const std::string side(block.option("config")); !side.empty()) {
    section.configs[side] = block.text;
    section.suffixes[side] = block.language() == "json" ? ".json" : ".yml";
  } else if (block.language() == "tensors") {
    section.stores[std::string(block.option("side"))] = read_tensors(block.text);
  } else if (block.language() == "options") {
    read_options(block.text, section);
  } else if (block.language() == "safetensors") {
    const std::string header = block.text.substr(0, block.text.find_last_not_of('\n') + 1);
    section.files[file] = safetensors(header, number(block.option("data")));
  } else if (!file.empty()) {
    section.files[file] = block.text;
  }
}

void run_pack(const PageSection& section, const Scratch& scratch, const BindOptions& options, Diagnostics& diags) {
  for (const auto& [name, text] : section.rules) scratch.write("p/" + name, text);
  if (Result<RulePack> pack = load_pack(scratch.write("p/p.rules", *section.pack).string(), diags))
    (void)check(*pack, options, diags);
}

}  // namespace

PageSection read_section(std::string_view page, std::string_view heading) {
  PageSection section;
  for (const FencedBlock& block : fenced_blocks(page)) {
    if (block.heading == heading) take(block, section);
  }
  return section;
}

void run_section(const PageSection& section, Diagnostics& diags) {
  const Scratch scratch;
  BindOptions options;
  options.options = section.options;
  options.preset = section.preset;
  for (const auto& [side, text] : section.configs)
    options.configs[side] = scratch.write(side + section.suffixes.at(side), text);
  for (const auto& [side, store] : section.stores) options.checkpoints[side] = &store;
  if (section.pack) return run_pack(section, scratch, options, diags);

  for (const auto& [side, path] : options.configs) (void)read_config(path, diags);
  for (const auto& [name, bytes] : section.files) scratch.write("checkpoint/" + name, bytes);
  if (!section.files.empty()) (void)open_store(scratch / "checkpoint", diags);
}

}  // namespace rulec::testing
