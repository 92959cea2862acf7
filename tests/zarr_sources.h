// SPDX-License-Identifier: Apache-2.0
// Where tests of zarr have their arrays from, and the truth about them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/zarr/array.h"
#include "engine/zarr/chunk_source.h"

#include <rulec/store.h>

namespace rulec::testing {

/// The folder of an array: a file a key.
class FolderSource final : public zarr::ChunkSource {
 public:
  explicit FolderSource(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::optional<std::uint64_t> size(std::string_view key) const override;
  Status read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
              Room room = {}) const override;
  std::optional<std::pair<std::size_t, std::uint64_t>> file_place(std::string_view /*key*/) const override {
    return {};
  }
  std::string where(std::string_view key) const override { return (folder_ / key).string(); }

 private:
  std::filesystem::path folder_;
};

/// Values in memory. Counts what is read of them.
class ValueSource final : public zarr::ChunkSource {
 public:
  std::map<std::string, std::string, std::less<>> values;
  mutable std::map<std::string, int, std::less<>> reads;  ///< by key
  mutable std::uint64_t bytes_read = 0;

  std::optional<std::uint64_t> size(std::string_view key) const override;
  Status read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
              Room room = {}) const override;
  std::optional<std::pair<std::size_t, std::uint64_t>> file_place(std::string_view /*key*/) const override {
    return {};
  }
  std::string where(std::string_view key) const override { return std::string(key); }
};

/// Values of several arrays, from a safetensors file whose tensors are named `<array>/<key>`: by array.
std::map<std::string, ValueSource> read_values(const std::filesystem::path& path);

/// The bytes of a tensor of a store.
std::string bytes_of(const TensorStore& store, std::string_view name);

/// An array about which there is nothing to say.
zarr::Array opened_silently(const zarr::ChunkSource& source, zarr::ChunkCache& cache,
                            zarr::MissingChunks missing = zarr::MissingChunks::AreErrors);

/// All bytes of an array, read in blocks of this size at most.
std::string bytes_of(const zarr::Array& array, std::uint64_t block = ~std::uint64_t{0});

/// What is said of an array, opened and read to its end; nothing if it is good.
Diagnostics said_of(const zarr::ChunkSource& source, zarr::MissingChunks missing = zarr::MissingChunks::AreErrors);

}  // namespace rulec::testing
