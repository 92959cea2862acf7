// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "tests/golden.h"
#include "tests/scratch.h"

#include <rulec/store.h>

namespace rulec::golden {
namespace {

namespace fs = std::filesystem;

// A section's text without its last newline, which belongs to the case file.
std::string content(const Section& section) {
  return section.text.substr(0, section.text.size() - 1);
}

void make(const Section& section, const testing::Scratch& scratch) {
  std::istringstream words(section.name);
  std::string kind, name;
  std::size_t bytes = 0;
  words >> kind >> name >> bytes;
  const std::string path = "ckpt/" + name;
  if (kind == "file") scratch.write(path, section.text);
  if (kind == "safetensors") scratch.write(path, testing::safetensors(content(section), bytes));
  if (kind == "link") fs::create_symlink(content(section), scratch / path);
}

std::string without(std::string text, std::string_view part) {
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos;) text.erase(at, part.size());
  return text;
}

}  // namespace

std::string store_stage(const Sections& sections) {
  const testing::Scratch scratch;
  fs::create_directory(scratch / "ckpt");
  for (const Section& section : sections) make(section, scratch);
  const Section* open = find(sections, "open");
  Diagnostics diags;
  const auto store = open_store(scratch / (open != nullptr ? "ckpt/" + content(*open) : "ckpt"), diags);
  std::string out;
  if (store) {
    for (const TensorInfo& info : (*store)->tensors()) {
      out += fmt::format("{} {} {}\n", info.name, name(info.dtype), to_string(info.shape));
    }
  }
  // Where the test lies is no part of what it expects.
  return without(out + render_text(diags), scratch.path().string() + "/");
}

}  // namespace rulec::golden
