// SPDX-License-Identifier: Apache-2.0
// What rulec writes, rulec reads: over random arrays, in every form.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/tensor/strided.h"
#include "engine/zarr/layout.h"
#include "tests/scratch.h"
#include "tests/zarr_sources.h"

namespace rulec::zarr_layout_test {

using namespace testing;
using namespace zarr;

namespace {

std::string text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The bytes of a box of an array, in C order: the slow way.
std::vector<std::byte> cut(const std::string& array, const Shape& shape, const Box& box, std::size_t each) {
  std::vector<std::byte> out;
  Shape cell = box.begin;
  do {
    const std::size_t at = static_cast<std::size_t>(index_of(cell, shape)) * each;
    for (std::size_t i = 0; i < each; ++i) out.push_back(static_cast<std::byte>(array[at + i]));
  } while (advance(cell, box));
  return out;
}

// Puts the chunks of every value one behind another, in an order of its own.
ValueSource written(const ArrayLayout& layout, const std::string& bytes, std::mt19937& random) {
  const ArrayMetadata& array = layout.metadata();
  const Grid& grid = layout.grid();
  ValueSource source;
  source.values[std::string(layout.metadata_key())] = layout.metadata_text();
  std::vector<std::int64_t> order(static_cast<std::size_t>(grid.chunks()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, random);
  std::map<std::string, std::vector<std::optional<Extent>>> places;
  for (const std::int64_t i : order) {
    const Shape chunk = position_of(i, grid.chunk_grid());
    const std::string stored =
        text(layout.encode(chunk, cut(bytes, array.shape, grid.chunk_box(chunk), element_bytes(array.type))));
    const std::string key = grid.key(grid.value_of(chunk));
    std::string& value = source.values[key];
    places[key].resize(static_cast<std::size_t>(grid.slots()));
    places[key][static_cast<std::size_t>(grid.slot_of(chunk))] = Extent{value.size(), stored.size()};
    value += stored;
  }
  if (array.shards) {
    for (const auto& [key, extents] : places) source.values[key] += text(encode_index(extents));
  }
  return source;
}

// The same of a raw array, each chunk at the place that the layout says.
ValueSource written_in_place(const ArrayLayout& layout, const std::string& bytes) {
  const ArrayMetadata& array = layout.metadata();
  const Grid& grid = layout.grid();
  ValueSource source;
  source.values[std::string(layout.metadata_key())] = layout.metadata_text();
  for (std::int64_t i = 0; i < grid.values(); ++i) {
    const Shape value = position_of(i, grid.value_grid());
    std::string& stored = source.values[grid.key(value)];
    stored.resize(layout.raw_value_bytes(value), '?');
    const std::string index = text(layout.raw_index(value));
    stored.replace(stored.size() - index.size(), index.size(), index);
  }
  for (std::int64_t i = 0; i < grid.chunks(); ++i) {
    const Shape chunk = position_of(i, grid.chunk_grid());
    const Extent place = layout.raw_place(chunk);
    const auto encoded =
        layout.encode(chunk, cut(bytes, array.shape, grid.chunk_box(chunk), element_bytes(array.type)));
    REQUIRE(encoded.size() == place.length);
    source.values[grid.key(grid.value_of(chunk))].replace(place.offset, place.length, text(encoded));
  }
  return source;
}

struct Trial {
  Shape shape;
  ChunkShapes shapes;
  ElementType type = ElementType::Float32;
  WriteOptions options;
};

Trial random_trial(std::mt19937& random) {
  const auto below = [&](std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random); };
  Trial trial;
  trial.options.zarr_version = below(2) == 0 ? 2 : 3;
  if (below(2) == 0) trial.options.zstd_level = static_cast<int>(below(5)) - 1;
  trial.type = static_cast<ElementType>(below(25));
  for (std::int64_t axis = below(5); axis > 0; --axis) {
    const std::int64_t chunk = 1 + below(4);
    trial.shape.push_back(1 + below(7));
    trial.shapes.chunk.push_back(chunk);
    trial.shapes.value.push_back(trial.options.zarr_version == 3 ? chunk * (1 + below(3)) : chunk);
  }
  return trial;
}

}  // namespace

TEST_CASE("what is written of an array is read as that array") {
  std::mt19937 random(11);
  for (int i = 0; i < 600; ++i) {
    const Trial trial = random_trial(random);
    CAPTURE(i);
    CAPTURE(to_string(trial.shape));
    const ArrayLayout layout(trial.shape, trial.type, trial.shapes, trial.options);
    const std::string bytes =
        random_bytes(static_cast<std::size_t>(*cells(trial.shape)) * element_bytes(trial.type), random());
    ChunkCache cache;
    const ValueSource source = written(layout, bytes, random);
    const Array array = opened_silently(source, cache);
    CHECK(array.metadata() == layout.metadata());
    CHECK(bytes_of(array) == bytes);
    CHECK(bytes_of(array, 1 + random() % 40) == bytes);
    if (!layout.metadata().codecs.is_raw()) continue;
    const ValueSource in_place = written_in_place(layout, bytes);
    CHECK(bytes_of(opened_silently(in_place, cache)) == bytes);
  }
}

TEST_CASE("a raw value cut along its first axis is the array itself, and an index") {
  const ArrayLayout layout({8, 3}, ElementType::UInt16, {{8, 3}, {2, 3}}, {});
  const std::string bytes = random_bytes(48, 3);
  const std::string value = written_in_place(layout, bytes).values["c/0/0"];
  CHECK(value.substr(0, 48) == bytes);
  CHECK(value.size() == 48 + 4 * 16 + 4);
  CHECK(layout.raw_place({2, 0}) == Extent{24, 12});
}

// An example worked out by hand in the format's own description: eight int32 of 0 to 7.
TEST_CASE("the index of a shard is what other writers make") {
  const std::string index = text(encode_index(std::vector<std::optional<Extent>>{Extent{0, 41}}));
  CHECK(index == std::string("\0\0\0\0\0\0\0\0\x29\0\0\0\0\0\0\0\x8e\x86\x77\x44", 20));
  const std::string missing = text(encode_index(std::vector<std::optional<Extent>>{std::nullopt}));
  CHECK(missing.substr(0, 16) == std::string(16, '\xff'));
}

}  // namespace rulec::zarr_layout_test
