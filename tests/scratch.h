// SPDX-License-Identifier: Apache-2.0
// Files that a test makes, and the bytes of them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace rulec::testing {

/// An empty folder of its own, gone with everything in it at the end of its scope.
class Scratch {
 public:
  Scratch();
  explicit Scratch(const std::filesystem::path& parent);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  /// Writes a file, and the folders it lies in; returns its path.
  std::filesystem::path write(std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);

/// A safetensors file of this header and this many bytes of data, all `x`.
std::string safetensors(std::string_view header, std::size_t data_bytes);

/// One with the length as it is given.
std::string safetensors_of_length(std::uint64_t length, std::string_view rest);

/// `count` bytes that look like nothing.
std::string random_bytes(std::size_t count, unsigned seed);

}  // namespace rulec::testing
