// SPDX-License-Identifier: Apache-2.0
// Orbax checkpoints that are written, and read again by the containers they are made of.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/store/orbax/write_plan.h"
#include "engine/zarr/chunk_codec.h"
#include "grammar/internal_error.h"
#include "tests/faults.h"
#include "tests/ocdbt_checks.h"
#include "tests/orbax_written.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_sink_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

// Every type that zarr has, and shapes of all ranks up to 4.
std::vector<Written> random_model(std::mt19937& random) {
  std::vector<Written> tensors;
  std::vector<DType> types;
  std::ranges::copy_if(all_dtypes(), std::back_inserter(types), [](DType type) { return bits(type) >= 8; });
  for (std::size_t i = 0; i < types.size(); ++i) {
    Shape shape;
    for (std::size_t rank = i % 5; rank > 0; --rank) shape.push_back(1 + static_cast<std::int64_t>(random() % 9));
    tensors.push_back(random_tensor(fmt::format("decoder.layer_{}.{}", i % 3, i), types[i], shape, random));
  }
  // Too large for a node, and cut where chunks are small; full of one byte, so that it compresses to little.
  tensors.push_back(random_tensor("embedding", DType::F32, {24, 40}, random));
  tensors.push_back({{"zeros", DType::Bf16, {64, 64}}, std::vector<std::byte>(8192)});
  std::ranges::shuffle(tensors, random);
  return tensors;
}

std::vector<OrbaxOptions> all_options() {
  std::vector<OrbaxOptions> all;
  for (int i = 0; i < 32; ++i) {
    OrbaxOptions options;
    options.zarr_version = (i & 1) != 0 ? 2 : 3;
    options.is_compressed = (i & 2) != 0;
    options.has_database = (i & 4) == 0;
    options.one_chunk = (i & 8) != 0;
    if ((i & 16) != 0) options.max_data_file_bytes = 3000;
    all.push_back(options);
  }
  return all;
}

std::string described(const OrbaxOptions& options) {
  return fmt::format("zarr {}{}{}{} {}", options.zarr_version, options.is_compressed ? ", zstd" : "",
                     options.has_database ? "" : ", folders", options.one_chunk ? ", one chunk" : "",
                     options.max_data_file_bytes);
}

}  // namespace

TEST_CASE("what is written is read, in every form and in pieces of any order") {
  std::mt19937 random(1);
  for (OrbaxOptions options : all_options()) {
    for (const std::uint64_t chunk_bytes : {std::uint64_t{64}, std::uint64_t{1000}, std::uint64_t{16} << 20U}) {
      options.chunk_bytes = chunk_bytes;
      const std::vector<Written> tensors = random_model(random);
      options.stacked.clear();
      for (const Written& tensor : tensors) {
        const std::size_t rank = tensor.info.shape.size();
        if (rank > 0 && random() % 2 == 0) options.stacked[tensor.info.name] = {random() % rank};
      }
      INFO(described(options));
      CAPTURE(chunk_bytes);
      const Scratch scratch(memory_folder());
      const std::size_t piece_bytes = random() % 2 == 0 ? 30 : 5000;
      write_checkpoint(scratch.path(), tensors, options, shuffled_pieces(tensors, piece_bytes, random));
      check_checkpoint(scratch.path(), tensors);
    }
  }
}

TEST_CASE("several threads write at once") {
  std::mt19937 random(2);
  for (const bool is_compressed : {false, true}) {
    const Scratch scratch(memory_folder());
    const std::vector<Written> tensors = random_model(random);
    const std::vector<WrittenPiece> pieces = shuffled_pieces(tensors, 100, random);
    std::vector<TensorInfo> infos;
    for (const Written& tensor : tensors) infos.push_back(tensor.info);
    Diagnostics diags;
    OrbaxOptions options;
    options.is_compressed = is_compressed;
    options.chunk_bytes = 300;
    options.max_data_file_bytes = 3000;
    const std::unique_ptr<TensorSink> sink = orbax_sink(scratch.path(), options);
    REQUIRE(sink->begin(infos, diags));
    std::vector<std::thread> threads;
    std::array<int, 4> failures{};
    for (std::size_t t = 0; t < failures.size(); ++t) {
      threads.emplace_back([&, t] {
        Diagnostics own;
        for (std::size_t i = t; i < pieces.size(); i += failures.size()) {
          const WrittenPiece& piece = pieces[i];
          const auto bytes = std::span(tensors[piece.tensor].bytes).subspan(piece.offset, piece.size);
          if (!sink->write(piece.tensor, piece.offset, bytes, own)) ++failures[t];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failures == std::array<int, 4>{});
    REQUIRE(sink->commit(diags));
    check_checkpoint(scratch.path(), tensors);
  }
}

TEST_CASE("with MaxText's options, every key and value is MaxText's own, byte by byte") {
  const std::map<std::string, std::string> theirs = values_of(orbax_data("maxtext_scan_1dev") / "0/items");
  std::vector<Written> tensors;
  for (const auto& [key, document] : theirs) {
    const std::string end = "/zarr.json";
    if (!key.ends_with(end) || key == "step/zarr.json") continue;
    const std::string name = key.substr(0, key.size() - end.size());
    const ValueSource source = values_of_array(theirs, name);
    zarr::ChunkCache cache;
    const zarr::Array array = opened_silently(source, cache);
    const std::string bytes = bytes_of(array);
    tensors.push_back(
        {{name.substr(std::string("params.params.").size()), *dtype(array.metadata().type), array.metadata().shape},
         as_bytes(bytes)});
  }
  REQUIRE(tensors.size() == 24);
  OrbaxOptions options;
  options.one_chunk = true;
  options.is_compressed = true;
  options.custom_metadata["scan_layers"] = true;
  const Scratch scratch(memory_folder());
  write_checkpoint(scratch.path(), tensors, options);
  const fs::path item = scratch / "0/items";
  const std::map<std::string, std::string> ours = values_of(item);
  CHECK(ours.size() == theirs.size());
  for (const auto& [key, value] : theirs) {
    REQUIRE_MESSAGE(ours.contains(key), key);
    CHECK_MESSAGE(ours.at(key) == value, key);
  }
  CHECK(read_file(item / "_METADATA") == read_file(orbax_data("maxtext_scan_1dev") / "0/items/_METADATA"));
}

TEST_CASE("the files of a checkpoint are those of the recipe, and no others") {
  std::mt19937 random(3);
  const std::vector<Written> tensors = {random_tensor("a", DType::F32, {600}, random),
                                        random_tensor("b.c", DType::F32, {3}, random),
                                        random_tensor("d", DType::U8, {2000}, random)};
  const Scratch scratch(memory_folder());
  OrbaxOptions options;
  options.max_data_file_bytes = 3000;
  write_checkpoint(scratch.path(), tensors, options);
  const std::vector<std::string> files = files_below(scratch.path());
  REQUIRE(files.size() == 8);  // two data files and one of nodes among them
  CHECK(files[0] == "0/_CHECKPOINT_METADATA");
  CHECK(files[1] == "0/commit_success.txt");
  CHECK(files[2] == "0/items/_METADATA");
  CHECK(files[3] == "0/items/commit_success.txt");
  CHECK(files[7] == "0/items/manifest.ocdbt");
  for (std::size_t i = 4; i < 7; ++i) {
    CHECK(files[i].starts_with("0/items/d/"));
    CHECK(files[i].size() == std::string("0/items/d/").size() + 32);
  }
  CHECK(read_file(scratch / files[3]) == "Checkpoint commit was successful to 0/items");
  const ocdbt::Database database = opened_database(scratch / "0/items");
  for (const ocdbt::Entry& entry : database.entries()) CHECK((entry.length > 1024) == entry.file.has_value());

  const Scratch other(memory_folder());
  options.has_database = false;
  write_checkpoint(other.path(), tensors, options);
  CHECK(files_below(other / "0/items") ==
        std::vector<std::string>{"_METADATA", "commit_success.txt", "params.params.a/c/0", "params.params.a/zarr.json",
                                 "params.params.b.c/c/0", "params.params.b.c/zarr.json", "params.params.d/c/0",
                                 "params.params.d/zarr.json", "step/c", "step/zarr.json"});
}

TEST_CASE("more values than a process may open files are written") {
  std::mt19937 random(4);
  const std::vector<Written> tensors = {random_tensor("a", DType::U8, {600, 2}, random)};
  for (const bool is_compressed : {false, true}) {
    const Scratch scratch(memory_folder());
    OrbaxOptions options;
    options.zarr_version = 2;
    options.has_database = false;
    options.is_compressed = is_compressed;
    options.chunks[0] = 600;
    const Limit limit(RLIMIT_NOFILE, 400);
    write_checkpoint(scratch.path(), tensors, options);
    check_checkpoint(scratch.path(), tensors);
    CHECK(values_of(scratch / "0/items").size() == 600 + 3);
  }
}

TEST_CASE("compressed files have no room left, and none is there without use") {
  std::mt19937 random(5);
  OrbaxOptions options;
  options.is_compressed = true;
  options.chunk_bytes = 10'000;
  const std::vector<Written> small = {{{"zeros", DType::U8, {100, 1000}}, std::vector<std::byte>(100'000)}};
  const Scratch scratch(memory_folder());
  write_checkpoint(scratch.path(), small, options);
  CHECK(std::ranges::count_if(files_below(scratch.path()),
                              [](const std::string& f) { return f.starts_with("0/items/d/"); }) == 1);
  const std::vector<Written> large = {random_tensor("noise", DType::U8, {100, 1000}, random), small[0]};
  const Scratch other(memory_folder());
  write_checkpoint(other.path(), large, options);
  check_checkpoint(other.path(), large);
  std::uint64_t in_use = 0;
  const ocdbt::Database database = opened_database(other / "0/items");
  for (const ocdbt::Entry& entry : database.entries()) in_use += entry.file ? entry.length : 0;
  REQUIRE(database.files().size() == 2);  // the nodes have one
  const auto is_full = [&](const InputFile& file) { return file.size() == in_use; };
  CHECK(std::ranges::count_if(database.files(), is_full) == 1);
}

TEST_CASE("compressed values lie in nodes or in files by the size that they turn out to have") {
  std::mt19937 random(6);
  std::vector<Written> tensors;
  for (std::int64_t size = 900; size < 1100; size += 9) {
    tensors.push_back(random_tensor(fmt::format("t{}", size), DType::U8, {size}, random));
  }
  OrbaxOptions options;
  options.is_compressed = true;
  const Scratch scratch(memory_folder());
  write_checkpoint(scratch.path(), tensors, options);
  check_checkpoint(scratch.path(), tensors);
  const ocdbt::Database database = opened_database(scratch / "0/items");
  for (const ocdbt::Entry& entry : database.entries()) CHECK((entry.length > 1024) == entry.file.has_value());
}

TEST_CASE("what is not committed leaves nothing behind") {
  const Scratch scratch(memory_folder());
  const TensorInfo infos[] = {{"a", DType::U8, {4000}}, {"b", DType::U8, {4}}};
  Diagnostics diags;
  {
    const std::unique_ptr<TensorSink> sink = orbax_sink(scratch.path());
    REQUIRE(sink->begin(infos, diags));
    CHECK(fs::exists(scratch / "0.orbax-checkpoint-tmp/items"));
    CHECK(!fs::exists(scratch / "0"));
  }
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("a step that is there is not touched") {
  for (const char* name : {"0/precious", "0.orbax-checkpoint-tmp/precious"}) {
    const Scratch scratch(memory_folder());
    scratch.write(name, "precious");
    const TensorInfo infos[] = {{"a", DType::U8, {4}}};
    Diagnostics diags;
    CHECK(!orbax_sink(scratch.path())->begin(infos, diags));
    check_found(diags, "R0809", "`: File exists");
    CHECK(files_below(scratch.path()) == std::vector<std::string>{name});
  }
}

TEST_CASE("a sink that is used wrongly says so") {
  for (const bool is_compressed : {false, true}) {
    const Scratch scratch(memory_folder());
    const TensorInfo infos[] = {{"a", DType::U8, {4}}};
    const TensorInfo twice[] = {infos[0], infos[0]};
    const std::vector<std::byte> bytes(4);
    Diagnostics diags;
    OrbaxOptions options;
    options.is_compressed = is_compressed;
    {
      const std::unique_ptr<TensorSink> sink = orbax_sink(scratch.path(), options);
      CHECK_THROWS_AS((void)sink->commit(diags), InternalError);
      CHECK(sink->begin(infos, diags));
      CHECK_THROWS_AS((void)sink->begin(infos, diags), InternalError);
      CHECK_THROWS_AS((void)sink->write(0, 1, bytes, diags), InternalError);
      // `step` is the sink's own, and there is nothing behind it.
      CHECK_THROWS_AS((void)sink->write(1, 0, bytes, diags), InternalError);
      CHECK_THROWS_AS((void)sink->write(2, 0, bytes, diags), InternalError);
      CHECK(sink->write(0, 1, std::span(bytes).first(3), diags));
      CHECK_THROWS_AS((void)sink->commit(diags), InternalError);                                  // byte 0 is missing
      CHECK_THROWS_AS((void)sink->write(0, 3, std::span(bytes).first(1), diags), InternalError);  // again
    }
    CHECK_THROWS_AS((void)orbax_sink(scratch.path())->begin(twice, diags), InternalError);
    CHECK(fs::is_empty(scratch.path()));
  }
}

}  // namespace rulec::orbax_sink_test
