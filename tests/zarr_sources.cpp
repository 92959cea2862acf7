// SPDX-License-Identifier: Apache-2.0
#include "tests/zarr_sources.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "engine/file/input_file.h"
#include "tests/store_checks.h"

namespace rulec::testing {

namespace fs = std::filesystem;

std::optional<std::uint64_t> FolderSource::size(std::string_view key) const {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(folder_ / key, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(bytes);
}

Status FolderSource::read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags,
                          Room /*room*/) const {
  const Result<InputFile> file = InputFile::open(folder_ / key, diags);
  if (!file) return diags.failed();
  return file->read(offset, into, diags);
}

std::optional<std::uint64_t> ValueSource::size(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? std::nullopt : std::optional<std::uint64_t>(found->second.size());
}

Status ValueSource::read(std::string_view key, std::uint64_t offset, std::span<std::byte> into, Diagnostics&,
                         Room /*room*/) const {
  const std::string& value = values.find(key)->second;
  REQUIRE(offset <= value.size());
  REQUIRE(into.size() <= value.size() - offset);
  if (!into.empty()) std::memcpy(into.data(), value.data() + offset, into.size());
  ++reads[std::string(key)];
  bytes_read += into.size();
  return Done{};
}

std::map<std::string, ValueSource> read_values(const fs::path& path) {
  const std::unique_ptr<TensorStore> store = opened_silently(path);
  std::map<std::string, ValueSource> arrays;
  for (const TensorInfo& tensor : store->tensors()) {
    const std::size_t slash = tensor.name.find('/');
    arrays[tensor.name.substr(0, slash)].values[tensor.name.substr(slash + 1)] = bytes_of(*store, tensor.name);
  }
  return arrays;
}

std::string bytes_of(const TensorStore& store, std::string_view name) {
  const std::optional<std::size_t> index = find_tensor(store.tensors(), name);
  REQUIRE_MESSAGE(index, name);
  std::string bytes(store.tensors()[*index].bytes(), '\0');
  Diagnostics diags;
  CHECK(store.read(*index, 0, std::as_writable_bytes(std::span(bytes)), diags));
  return bytes;
}

zarr::Array opened_silently(const zarr::ChunkSource& source, zarr::ChunkCache& cache, zarr::MissingChunks missing) {
  Diagnostics diags;
  Result<zarr::Array> array = zarr::Array::open(source, "t", missing, cache, diags);
  REQUIRE_MESSAGE(array, render_text(diags));
  REQUIRE_MESSAGE(diags.all().empty(), render_text(diags));
  return *std::move(array);
}

std::string bytes_of(const zarr::Array& array, std::uint64_t block) {
  std::string bytes(array.bytes(), '\0');
  Diagnostics diags;
  for (std::uint64_t at = 0; at < bytes.size(); at += std::min<std::uint64_t>(block, bytes.size() - at)) {
    const auto into = std::span(bytes).subspan(at, std::min<std::uint64_t>(block, bytes.size() - at));
    CHECK_MESSAGE(array.read(at, std::as_writable_bytes(into), diags), render_text(diags));
  }
  CHECK(diags.all().empty());
  return bytes;
}

Diagnostics said_of(const zarr::ChunkSource& source, zarr::MissingChunks missing) {
  Diagnostics diags;
  zarr::ChunkCache cache;
  const Result<zarr::Array> array = zarr::Array::open(source, "t", missing, cache, diags);
  CHECK(static_cast<bool>(array) == (diags.errors() == 0));
  // What a damaged document makes huge is not read: the array may be of any size.
  if (!array || array->bytes() > (1U << 20U)) return diags;
  std::string bytes(array->bytes(), '\0');
  const bool is_read = static_cast<bool>(array->read(0, std::as_writable_bytes(std::span(bytes)), diags));
  CHECK(is_read == (diags.errors() == 0));
  return diags;
}

}  // namespace rulec::testing
