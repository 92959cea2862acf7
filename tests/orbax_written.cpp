// SPDX-License-Identifier: Apache-2.0
#include "tests/orbax_written.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"

namespace rulec::testing {

namespace fs = std::filesystem;

fs::path memory_folder() {
  const fs::path shared_memory = "/dev/shm";
  return ::access(shared_memory.c_str(), W_OK) == 0 ? shared_memory : fs::temp_directory_path();
}

Written random_tensor(std::string name, DType dtype, Shape shape, std::mt19937& random) {
  Written tensor{{std::move(name), dtype, std::move(shape)}, {}};
  tensor.bytes.resize(tensor.info.bytes());
  for (std::byte& byte : tensor.bytes) byte = static_cast<std::byte>(random());
  return tensor;
}

std::vector<WrittenPiece> shuffled_pieces(const std::vector<Written>& tensors, std::size_t max_bytes,
                                          std::mt19937& random) {
  std::vector<WrittenPiece> pieces;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    for (std::size_t offset = 0, size = 0; offset < tensors[i].bytes.size(); offset += size) {
      size = std::min(tensors[i].bytes.size() - offset, 1 + random() % max_bytes);
      pieces.push_back({i, offset, size});
    }
  }
  std::ranges::shuffle(pieces, random);
  return pieces;
}

void write_checkpoint(const fs::path& folder, const std::vector<Written>& tensors, const OrbaxOptions& options,
                      const std::vector<WrittenPiece>& pieces) {
  std::vector<TensorInfo> infos;
  for (const Written& tensor : tensors) infos.push_back(tensor.info);
  Diagnostics diags;
  const std::unique_ptr<TensorSink> sink = orbax_sink(folder, options);
  REQUIRE_MESSAGE(sink->begin(infos, diags), render_text(diags));
  for (const WrittenPiece& piece : pieces) {
    const auto bytes = std::span(tensors[piece.tensor].bytes).subspan(piece.offset, piece.size);
    REQUIRE_MESSAGE(sink->write(piece.tensor, piece.offset, bytes, diags), render_text(diags));
  }
  REQUIRE_MESSAGE(sink->commit(diags), render_text(diags));
  CHECK(diags.all().empty());
}

void write_checkpoint(const fs::path& folder, const std::vector<Written>& tensors, const OrbaxOptions& options) {
  std::vector<WrittenPiece> whole;
  for (std::size_t i = 0; i < tensors.size(); ++i) whole.push_back({i, 0, tensors[i].bytes.size()});
  write_checkpoint(folder, tensors, options, whole);
}

std::map<std::string, std::string> values_of(const fs::path& item) {
  if (ocdbt::has_database(item)) return contents(opened_database(item));
  std::map<std::string, std::string> values;
  for (const std::string& file : files_below(item)) {
    if (file.find('/') != std::string::npos) values[file] = read_file(item / file);
  }
  return values;
}

ValueSource values_of_array(const std::map<std::string, std::string>& values, const std::string& array) {
  ValueSource source;
  for (const auto& [key, value] : values) {
    if (key.starts_with(array + "/")) source.values[key.substr(array.size() + 1)] = value;
  }
  return source;
}

void check_checkpoint(const fs::path& folder, const std::vector<Written>& tensors) {
  const std::map<std::string, std::string> values = values_of(folder / "0/items");
  std::size_t keys = 0;
  const auto check = [&](const std::string& name, const TensorInfo& info, const std::string& bytes) {
    const ValueSource source = values_of_array(values, name);
    zarr::ChunkCache cache;
    const zarr::Array array = opened_silently(source, cache);
    CHECK(array.metadata().shape == info.shape);
    CHECK(dtype(array.metadata().type) == info.dtype);
    CHECK_MESSAGE(bytes_of(array) == bytes, name);
    keys += source.values.size();
  };
  for (const Written& tensor : tensors) {
    check("params.params." + tensor.info.name, tensor.info, as_text(tensor.bytes));
  }
  check("step", {"step", DType::I64, {}}, std::string(8, '\0'));
  CHECK(keys == values.size());
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(folder).generic_string());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace rulec::testing
