// SPDX-License-Identifier: Apache-2.0
#include "tests/scratch.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <system_error>

namespace rulec::testing {

namespace fs = std::filesystem;

Scratch::Scratch() : Scratch(fs::temp_directory_path()) {}

Scratch::Scratch(const fs::path& parent) {
  std::string name = (parent / "rulec.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder can be made in " + parent.string());
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code error;
  fs::remove_all(path_, error);
}

fs::path Scratch::write(std::string_view name, std::string_view bytes) const {
  const fs::path path = path_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
  return path;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string safetensors(std::string_view header, std::size_t data_bytes) {
  return safetensors_of_length(header.size(), std::string(header) + std::string(data_bytes, 'x'));
}

std::string safetensors_of_length(std::uint64_t length, std::string_view rest) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(length >> (8 * i) & 0xFFU);
  return file.append(rest);
}

std::string random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(count, '\0');
  std::ranges::generate(bytes, [&] { return static_cast<char>(random() & 0xFFU); });
  return bytes;
}

}  // namespace rulec::testing
