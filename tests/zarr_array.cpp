// SPDX-License-Identifier: Apache-2.0
// Arrays that Orbax and TensorStore wrote, read to the numbers that these read from them.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "tests/scratch.h"
#include "tests/store_checks.h"
#include "tests/zarr_sources.h"

namespace rulec::zarr_array_test {

using namespace testing;
using zarr::ChunkCache;
using zarr::MissingChunks;
namespace fs = std::filesystem;

namespace {

const fs::path Data = fs::path(RULEC_TESTS_DIR) / "data";

void check_array(const zarr::Array& array, const TensorStore& truth, const std::string& name) {
  CAPTURE(name);
  const TensorInfo& info = truth.tensors()[*find_tensor(truth.tensors(), name)];
  CHECK(array.metadata().shape == info.shape);
  CHECK(zarr::dtype(array.metadata().type) == info.dtype);
  CHECK(zarr::element_type(info.dtype) == array.metadata().type);
  const std::string expected = bytes_of(truth, name);
  for (const std::uint64_t block : {~std::uint64_t{0}, std::uint64_t{64}, std::uint64_t{7}, std::uint64_t{1}}) {
    CHECK(bytes_of(array, block) == expected);
  }
}

}  // namespace

TEST_CASE("arrays in folders that Orbax wrote are read to their truth") {
  for (const char* checkpoint :
       {"grid_files_zarr2_raw", "grid_files_zarr2_zstd", "grid_files_zarr3_raw", "grid_files_zarr3_zstd",
        "sharded_files_zarr2", "leaf_kinds_files", "processes2_files"}) {
    CAPTURE(checkpoint);
    const auto truth = opened_silently(Data / "orbax" / (std::string(checkpoint) + ".safetensors"));
    ChunkCache cache;
    for (const TensorInfo& tensor : truth->tensors()) {
      const FolderSource source(Data / "orbax" / checkpoint / tensor.name);
      check_array(opened_silently(source, cache), *truth, tensor.name);
    }
    CHECK(truth->tensors().size() >= 4);
  }
}

TEST_CASE("arrays from databases that Orbax wrote are read to their truth") {
  for (const char* checkpoint : {"chunked_zarr3", "sharded_chunked_zarr3", "dtypes_zarr3", "special_values_zarr3"}) {
    CAPTURE(checkpoint);
    const std::string file = std::string(checkpoint) + ".safetensors";
    const auto truth = opened_silently(Data / "orbax" / file);
    std::map<std::string, ValueSource> arrays = read_values(Data / "zarr" / file);
    ChunkCache cache;
    for (const TensorInfo& tensor : truth->tensors()) {
      check_array(opened_silently(arrays[tensor.name], cache), *truth, tensor.name);
    }
    CHECK(arrays.size() == truth->tensors().size());
  }
}

// Every codec, byte order, order of elements, kind of key and form of shard that TensorStore can write, and types that
// rulec has no name for.
TEST_CASE("every form of array that TensorStore writes is read to its truth") {
  for (const char* file : {"variants.safetensors", "dtypes_small_zarr3.safetensors"}) {
    for (const auto& [name, source] : read_values(Data / "zarr" / file)) {
      CAPTURE(name);
      ChunkCache cache;
      const zarr::Array array = opened_silently(source, cache, MissingChunks::AreFilled);
      const std::string& truth = source.values.find("truth")->second;
      CHECK(bytes_of(array) == truth);
      CHECK(bytes_of(array, 1) == truth);
      CHECK(bytes_of(array, 3) == truth);
      CHECK(bytes_of(array, 16) == truth);
    }
  }
}

TEST_CASE("a chunk that is not stored is an error, or filled if the caller says so") {
  std::map<std::string, ValueSource> arrays = read_values(Data / "zarr/variants.safetensors");
  const std::pair<const char*, const char*> rows[] = {
      {"2 filled", "tensor `t` lacks the chunk `0.1`"},
      {"3 filled", "tensor `t` lacks the chunk `c/0/1, inner chunk 0`"}};
  for (const auto& [name, words] : rows) {
    const Diagnostics diags = said_of(arrays[name]);
    check_found(diags, "R0831", words);
    CHECK(diags.errors() == 1);
    CHECK(said_of(arrays[name], MissingChunks::AreFilled).all().empty());
  }
}

TEST_CASE("the document is looked for under both names") {
  ValueSource source;
  check_found(said_of(source), "R0830", "`t` is not a zarr array that rulec reads: it has neither `zarr.json` nor");
  source = read_values(Data / "zarr/variants.safetensors")["2 raw"];
  source.values["zarr.json"] = "{}";
  check_found(said_of(source), "R0830", "it has both `zarr.json` and `.zarray`");
  source.values["zarr.json"] = std::string((1U << 20U) + 1, ' ');
  source.values.erase(".zarray");
  check_found(said_of(source), "R0803", "`zarr.json` has 1048577 bytes, over the limit of 1048576");
}

TEST_CASE("block by block, each chunk is decoded once if the cache has room") {
  ValueSource source = read_values(Data / "zarr/chunked_zarr3.safetensors")["w"];  // 3 x 5 chunks
  const auto reads_of_chunks = [&](std::uint64_t capacity, std::uint64_t block) {
    source.reads.clear();
    ChunkCache cache(capacity);
    bytes_of(opened_silently(source, cache), block);
    int most = 0;
    for (const auto& [key, count] : source.reads) most = std::max(most, count);
    return most;
  };
  // Of a shard, its index and its one chunk are read.
  CHECK(reads_of_chunks(1U << 20U, 64) == 2);
  CHECK(reads_of_chunks(1U << 20U, ~std::uint64_t{0}) == 2);
  CHECK(reads_of_chunks(0, 64) > 2);
}

TEST_CASE("of raw chunks only what is wanted is read") {
  ValueSource source;
  source.values[".zarray"] =
      R"({"chunks":[100,100],"compressor":null,"dtype":"<f4","fill_value":null,"filters":null,"order":"C",)"
      R"("shape":[150,150],"zarr_format":2})";
  for (const char* key : {"0.0", "0.1", "1.0", "1.1"}) source.values[key] = random_bytes(40000, source.values.size());
  ChunkCache cache;
  const zarr::Array array = opened_silently(source, cache);
  source.bytes_read = 0;
  std::string bytes(400, '\0');
  Diagnostics diags;
  CHECK(array.read(600 * 20, std::as_writable_bytes(std::span(bytes)), diags));
  CHECK(source.bytes_read == 400);
  CHECK(bytes == source.values["0.0"].substr(400 * 20, 400));
  CHECK(source.reads["0.0"] == 1);
}

TEST_CASE("raw chunks are read in few pieces, and not much more than is wanted") {
  struct Row {
    const char* what;
    const char* shape;
    const char* chunks;
    std::uint64_t chunk_bytes;
    std::uint64_t read;
    int reads;
  };
  const Row rows[] = {
      {"one piece", "[6,4]", "[3,4]", 12, 12, 1},
      {"short rows by way of a buffer", "[100,8]", "[100,4]", 400, 400, 1},
      {"long rows, each straight into place", "[3,131072]", "[3,65536]", 196608, 196608, 3},
      {"a little beyond the edge", "[100,7]", "[100,8]", 800, 799, 1},
      {"far beyond the edge", "[4,1]", "[4,1000]", 4000, 4, 4},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    ValueSource source;
    source.values[".zarray"] = fmt::format(
        R"({{"chunks":{},"compressor":null,"dtype":"|u1","fill_value":null,"filters":null,"order":"C","shape":{},)"
        R"("zarr_format":2}})",
        row.chunks, row.shape);
    for (const char* key : {"0.0", "0.1", "1.0"}) source.values[key] = random_bytes(row.chunk_bytes, 1);
    ChunkCache cache;
    const zarr::Array array = opened_silently(source, cache);
    source.bytes_read = 0;
    bytes_of(array);
    CHECK(source.reads["0.0"] == row.reads);
    const std::int64_t chunks = array.grid().chunks();
    CHECK(source.bytes_read == row.read * static_cast<std::uint64_t>(chunks));
  }
}

TEST_CASE("an array of any size is opened, and read where nothing is stored") {
  ValueSource source;
  source.values[".zarray"] =
      R"({"chunks":[64,1048576],"compressor":{"id":"zstd"},"dtype":"<f4","fill_value":1.0,"filters":null,"order":"C",)"
      R"("shape":[1073741824,1048576],"zarr_format":2})";
  ChunkCache cache;
  const zarr::Array array = opened_silently(source, cache, MissingChunks::AreFilled);
  CHECK(array.bytes() == std::uint64_t{1} << 52U);
  std::string bytes(9, '\0');
  Diagnostics diags;
  CHECK(array.read((std::uint64_t{1} << 51U) - 5, std::as_writable_bytes(std::span(bytes)), diags));
  CHECK(bytes == std::string("\x3f\0\0\x80\x3f\0\0\x80\x3f", 9));
}

TEST_CASE("several threads read one array") {
  ChunkCache cache(100);  // so that chunks come and go
  const FolderSource files(Data / "orbax/processes2_files/cols");
  const zarr::Array array = opened_silently(files, cache);
  const std::string truth = bytes_of(array);
  std::vector<std::string> found(4, std::string(array.bytes(), '\0'));
  std::vector<std::thread> threads;
  for (std::string& bytes : found) {
    threads.emplace_back([&] {
      Diagnostics diags;
      for (std::uint64_t at = 0; at < bytes.size(); at += 32) {
        const auto into = std::span(bytes).subspan(at, std::min<std::size_t>(32, bytes.size() - at));
        if (!array.read(at, std::as_writable_bytes(into), diags)) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& bytes : found) CHECK(bytes == truth);
}

}  // namespace rulec::zarr_array_test
