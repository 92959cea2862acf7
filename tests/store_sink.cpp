// SPDX-License-Identifier: Apache-2.0
// Writing: byte for byte what the format's own writer and huggingface_hub make.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/store/resumable.h"
#include "engine/store/shards.h"
#include "grammar/internal_error.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::store_sink_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

const fs::path Data = fs::path(RULEC_TESTS_DIR) / "data/safetensors";

std::vector<std::byte> bytes_of(const TensorStore& store, std::string_view name) {
  const std::optional<std::size_t> index = find_tensor(store.tensors(), name);
  REQUIRE(index);
  std::vector<std::byte> bytes(store.tensors()[*index].bytes());
  Diagnostics diags;
  REQUIRE(store.read(*index, 0, bytes, diags));
  return bytes;
}

// Writes these tensors of `from` into `folder`, in pieces that come in any order.
void copy(const TensorStore& from, std::vector<TensorInfo> infos, const fs::path& folder, SafetensorsOptions options) {
  struct Piece {
    std::size_t tensor, offset, bytes;
  };
  std::vector<Piece> pieces;
  std::mt19937 random(7);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    for (std::size_t offset = 0, bytes = 0; offset < infos[i].bytes(); offset += bytes) {
      bytes = std::min<std::size_t>(infos[i].bytes() - offset, 1 + random() % 20);
      pieces.push_back({i, offset, bytes});
    }
  }
  std::ranges::shuffle(pieces, random);
  Diagnostics diags;
  const std::unique_ptr<TensorSink> sink = safetensors_sink(folder, options);
  REQUIRE_MESSAGE(sink->begin(infos, diags), render_text(diags));
  for (const Piece& piece : pieces) {
    const std::vector<std::byte> bytes = bytes_of(from, infos[piece.tensor].name);
    REQUIRE(sink->write(piece.tensor, piece.offset, std::span(bytes).subspan(piece.offset, piece.bytes), diags));
  }
  REQUIRE_MESSAGE(sink->commit(diags), render_text(diags));
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace

TEST_CASE("a file is what the format's own writer makes of the same tensors") {
  for (const char* name : {"empty", "dtypes", "shapes", "names"}) {
    INFO(std::string(name));
    const fs::path original = Data / fmt::format("{}.safetensors", name);
    const std::unique_ptr<TensorStore> store = opened_silently(original);
    std::vector<TensorInfo> infos(store->tensors().begin(), store->tensors().end());
    std::ranges::shuffle(infos, std::mt19937(3));
    const Scratch scratch;
    copy(*store, infos, scratch.path(), {});
    CHECK(names_in(scratch.path()) == std::vector<std::string>{"model.safetensors"});
    CHECK(read_file(scratch / "model.safetensors") == read_file(original));
  }
}

TEST_CASE("tensors that are all in files already lie in the same order, as far behind the disk's blocks") {
  const std::vector<TensorInfo> infos = {
      {"a", DType::U8, {5000}}, {"b", DType::F32, {3000}}, {"c", DType::U8, {1}}, {"d", DType::U8, {9000}}};
  const auto places = [&](const std::vector<std::optional<StoredAt>>& origins, const fs::path& folder) {
    const std::unique_ptr<TensorSink> sink = safetensors_sink(folder);
    auto& files = dynamic_cast<ResumableSink&>(*sink);
    files.come_from(origins);
    Diagnostics diags;
    REQUIRE(sink->begin(infos, diags));
    std::vector<std::uint64_t> offsets;
    for (std::size_t t = 0; t < infos.size(); ++t) {
      offsets.push_back(files.place(t, Shape(infos[t].shape.size()))->offset);
      const std::vector<std::byte> bytes(infos[t].bytes(), std::byte{7});
      REQUIRE(sink->write(t, 0, bytes, diags));
    }
    REQUIRE_MESSAGE(sink->commit(diags), render_text(diags));
    CHECK(bytes_of(*opened_silently(folder), "d") == std::vector<std::byte>(9000, std::byte{7}));
    return offsets;
  };
  // One behind the other, as `d a b c`: all are as far behind a block as they were.
  const Scratch scratch;
  for (const std::uint64_t begin : {8, 16, 4096, 123456}) {
    const fs::path folder = scratch / std::to_string(begin);
    fs::create_directory(folder);
    const std::vector<std::uint64_t> found =
        places({{{0, begin + 9000}}, {{0, begin + 14000}}, {{0, begin + 26000}}, {{0, begin}}}, folder);
    CHECK(found[3] % 4096 == begin % 4096);
    CHECK(found == std::vector<std::uint64_t>{found[3] + 9000, found[3] + 14000, found[3] + 26000, found[3]});
  }
  // If one of them comes from nowhere, or if that cannot be, the file is as ever.
  const Scratch plain;
  const std::vector<std::uint64_t> usual = places({}, plain.path());
  CHECK(usual[1] < usual[0]);
  const Scratch some;
  CHECK(places({{{0, 9000}}, {{0, 14000}}, std::nullopt, {{0, 0}}}, some.path()) == usual);
}

TEST_CASE("shards and their index are what huggingface_hub makes of the same tensors") {
  const std::unique_ptr<TensorStore> store = opened_silently(Data / "shards");
  std::vector<TensorInfo> infos;  // in the order of make.py
  for (const char* name : {"layer.0.é", "layer.1.é", "layer.2.é", "layer.3.é", "layer.4.é", "big", "small"}) {
    infos.push_back(store->tensors()[*find_tensor(store->tensors(), name)]);
  }
  const Scratch scratch;
  copy(*store, infos, scratch.path(), {.max_shard_bytes = 50});
  CHECK(names_in(scratch.path()) == names_in(Data / "shards"));
  for (const std::string& name : names_in(Data / "shards")) {
    INFO(name);
    CHECK(read_file(scratch / name) == read_file(Data / "shards" / name));
  }
}

TEST_CASE("tensors are split as huggingface_hub splits them") {
  struct Row {
    std::vector<std::int64_t> sizes;
    std::uint64_t max_shard_bytes;
    std::vector<std::vector<std::size_t>> expected;
  };
  const Row rows[] = {
      {{}, 10, {{}}},
      {{6, 6, 2, 6, 2, 2}, 10, {{0}, {1, 2}, {3, 4, 5}}},  // the example in its documentation
      {{5, 5, 1}, 10, {{0, 1}, {2}}},
      {{3, 11, 3}, 10, {{1}, {0, 2}}},
      {{11}, 10, {{0}}},
      {{11, 12}, 10, {{0}, {1}}},
      {{0, 10, 0, 0, 1}, 10, {{0, 1, 2, 3}, {4}}},
      {{1, 0, 2}, 0, {{0}, {2}, {1}}},
      {{1, 2, 3}, ~std::uint64_t{0}, {{0, 1, 2}}},
  };
  for (const Row& row : rows) {
    std::vector<TensorInfo> infos;
    for (const std::int64_t size : row.sizes) infos.push_back({fmt::format("t{}", infos.size()), DType::U8, {size}});
    CHECK(split_into_shards(infos, row.max_shard_bytes) == row.expected);
  }
  CHECK(shard_name(0, 1) == "model.safetensors");
  CHECK(shard_name(8, 12) == "model-00009-of-00012.safetensors");
}

TEST_CASE("more shards than a process may open are written and read") {
  std::vector<TensorInfo> infos;
  MemoryStore memory;
  for (int i = 0; i < 600; ++i) {
    infos.push_back({fmt::format("t{:03}", i), DType::U8, {3}});
    memory.put(infos.back(), std::vector<std::byte>(3, static_cast<std::byte>(i)));
  }
  const Scratch scratch;
  copy(memory, infos, scratch.path(), {.max_shard_bytes = 3});
  const std::unique_ptr<TensorStore> store = opened_silently(scratch.path());
  CHECK(std::ranges::equal(store->tensors(), infos));
  for (const TensorInfo& info : infos) CHECK(std::ranges::equal(bytes_of(*store, info.name), memory.bytes(info.name)));
}

TEST_CASE("what is not committed leaves nothing behind") {
  const Scratch scratch;
  const TensorInfo infos[] = {{"a", DType::U8, {4}}, {"b", DType::U8, {4}}};
  Diagnostics diags;
  {
    const std::unique_ptr<TensorSink> sink = safetensors_sink(scratch.path(), {.max_shard_bytes = 4});
    CHECK(sink->begin(infos, diags));
    CHECK(names_in(scratch.path()).size() == 2);
  }
  CHECK(names_in(scratch.path()).empty());
}

TEST_CASE("a sink that is used wrongly says so") {
  const Scratch scratch;
  const TensorInfo infos[] = {{"a", DType::U8, {4}}};
  const TensorInfo twice[] = {infos[0], infos[0]};
  const std::vector<std::byte> bytes(4);
  Diagnostics diags;
  {
    const std::unique_ptr<TensorSink> sink = safetensors_sink(scratch.path());
    CHECK_THROWS_AS((void)sink->commit(diags), InternalError);
    CHECK(sink->begin(infos, diags));
    CHECK_THROWS_AS((void)sink->begin(infos, diags), InternalError);
    CHECK_THROWS_AS((void)sink->write(0, 1, bytes, diags), InternalError);
    CHECK_THROWS_AS((void)sink->write(1, 0, bytes, diags), InternalError);
    CHECK(sink->write(0, 1, std::span(bytes).first(3), diags));
    CHECK_THROWS_AS((void)sink->commit(diags), InternalError);  // byte 0 is missing
  }
  CHECK_THROWS_AS((void)safetensors_sink(scratch.path())->begin(twice, diags), InternalError);
  CHECK(names_in(scratch.path()).empty());
}

TEST_CASE("names that a file cannot have are refused") {
  const Scratch scratch;
  for (const char* name : {"__metadata__", "\xff"}) {
    Diagnostics diags;
    const TensorInfo infos[] = {{name, DType::U8, {1}}};
    CHECK(!safetensors_sink(scratch.path())->begin(infos, diags));
    check_found(diags, "R0809", "a tensor cannot be named");
  }
  CHECK(names_in(scratch.path()).empty());
}

TEST_CASE("a file that is there is not touched") {
  const Scratch scratch;
  scratch.write("model-00002-of-00002.safetensors", "precious");
  const TensorInfo infos[] = {{"a", DType::U8, {4}}, {"b", DType::U8, {4}}};
  Diagnostics diags;
  CHECK(!safetensors_sink(scratch.path(), {.max_shard_bytes = 4})->begin(infos, diags));
  check_found(diags, "R0809", "model-00002-of-00002.safetensors`: File exists");
  CHECK(names_in(scratch.path()) == std::vector<std::string>{"model-00002-of-00002.safetensors"});
  CHECK(read_file(scratch / "model-00002-of-00002.safetensors") == "precious");
}

}  // namespace rulec::store_sink_test
