// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/zarr/choose_chunks.h"
#include "tests/store_checks.h"

namespace rulec::zarr_choose_chunks_test {

using namespace zarr;

namespace {

struct Row {
  const char* what;
  Shape shape;
  std::size_t element_bytes;
  ChunkOptions options;
  Shape value;
  Shape chunk;
};

ChunkOptions stacked(std::vector<std::size_t> axes) {
  ChunkOptions options;
  options.stacked = std::move(axes);
  return options;
}

ChunkOptions pieces(std::map<std::size_t, std::int64_t> pieces) {
  ChunkOptions options;
  options.pieces = std::move(pieces);
  return options;
}

ChunkOptions one_chunk() {
  ChunkOptions options;
  options.one_chunk = true;
  return options;
}

ChunkOptions without_shards() {
  ChunkOptions options;
  options.has_shards = false;
  return options;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"a scalar", {}, 8, {}, {}, {}},
      {"an empty axis", {0, 5}, 2, {}, {1, 5}, {1, 5}},
      {"small", {2304}, 4, {}, {2304}, {2304}},
      {"16 MiB", {1 << 23}, 2, {}, {1 << 23}, {1 << 23}},
      {"an embedding of 1.1 GiB", {256128, 2304}, 2, {}, {256128, 2304}, {3712, 2304}},
      {"a little over 16 MiB stays whole", {2048, 4600}, 2, {}, {2048, 4600}, {2048, 4600}},
      {"27 MiB are two", {2304, 6144}, 2, {}, {2304, 6144}, {1152, 6144}},
      {"a prime number of rows", {12289, 1024}, 2, {}, {12289, 1024}, {12289, 1024}},
      {"rows larger than a chunk", {3, 64 << 20}, 1, {}, {3, 64 << 20}, {1, 16 << 20}},
      {"layers, 42 MiB each, cut by their rows too",
       {2304, 26, 9216},
       2,
       stacked({1}),
       {2304, 26, 9216},
       {768, 1, 9216}},
      {"small layers", {1024, 26, 1024}, 2, stacked({1}), {1024, 26, 1024}, {1024, 1, 1024}},
      {"layers of a small array", {2304, 26}, 4, stacked({1}), {2304, 26}, {2304, 26}},
      {"layers and experts", {8, 4, 2048, 4096}, 2, stacked({0, 1}), {8, 4, 2048, 4096}, {1, 1, 2048, 4096}},
      {"over 2 GiB: values of whole chunks", {262144, 8192}, 2, {}, {131072, 8192}, {1024, 8192}},
      {"over 2 GiB in layers", {4096, 64, 8192}, 2, stacked({1}), {2048, 64, 8192}, {1024, 1, 8192}},
      {"over 2 GiB in experts first", {128, 4096, 4096}, 2, stacked({0}), {64, 4096, 4096}, {1, 2048, 4096}},
      {"zarr 2", {256128, 2304}, 2, without_shards(), {3712, 2304}, {3712, 2304}},
      {"one chunk, whatever it takes", {262144, 8192}, 2, one_chunk(), {262144, 8192}, {262144, 8192}},
      {"the user's pieces", {2304, 8, 256}, 2, pieces({{0, 16}, {1, 2}}), {2304, 8, 256}, {144, 4, 256}},
      {"the user's pieces, and what is left", {65536, 8192}, 2, pieces({{1, 4}}), {65536, 8192}, {4096, 2048}},
  };
  return all;
}

}  // namespace

TEST_CASE("chunks are cut as the rule says") {
  for (const Row& row : rows()) {
    INFO(row.what);
    Diagnostics diags;
    const Result<ChunkShapes> shapes = choose_chunks(row.shape, row.element_bytes, row.options, diags);
    REQUIRE(shapes);
    CHECK_MESSAGE(shapes->value == row.value, to_string(shapes->value));
    CHECK_MESSAGE(shapes->chunk == row.chunk, to_string(shapes->chunk));
  }
}

TEST_CASE("chunks divide values, and values the array") {
  for (const Row& row : rows()) {
    for (std::size_t axis = 0; axis < row.shape.size(); ++axis) {
      CHECK(row.value[axis] % row.chunk[axis] == 0);
      CHECK((row.shape[axis] % row.value[axis] == 0));
    }
  }
}

TEST_CASE("an axis that cannot be cut as the user wants is told") {
  Diagnostics diags;
  CHECK(!choose_chunks({10, 3}, 2, pieces({{0, 16}}), diags));
  testing::check_found(diags, "R0903", "axis 0 of [10 3] cannot be cut into 16 equal pieces");
  CHECK(!choose_chunks({10, 3}, 2, pieces({{0, 0}}), diags));
  CHECK(!choose_chunks({10, 3}, 2, pieces({{2, 1}}), diags));
  testing::check_found(diags, "R0903", "a tensor of [10 3] has no axis 2");
}

}  // namespace rulec::zarr_choose_chunks_test
