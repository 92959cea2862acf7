// SPDX-License-Identifier: Apache-2.0
// How tensors are cut, where their values go, and what has no place.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>
#include <vector>

#include "engine/store/orbax/write_plan.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_write_plan_test {

using namespace testing;
using namespace orbax;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t Mi = 1 << 20;

Result<WritePlan> planned(const std::vector<TensorInfo>& tensors, const OrbaxOptions& options, Diagnostics& diags) {
  int made = 0;
  return plan_write(tensors, options, [&] { return fmt::format("d/{}", made++); }, diags);
}

WritePlan planned_silently(const std::vector<TensorInfo>& tensors, const OrbaxOptions& options) {
  Diagnostics diags;
  Result<WritePlan> plan = planned(tensors, options, diags);
  REQUIRE_MESSAGE(plan, render_text(diags));
  return *std::move(plan);
}

OrbaxOptions with(auto change) {
  OrbaxOptions options;
  change(options);
  return options;
}

}  // namespace

TEST_CASE("tensors are cut for readers and writers alike, and as the user wants it") {
  struct Row {
    TensorInfo tensor;
    OrbaxOptions options;
    Shape value;
    Shape chunk;
  };
  const TensorInfo layers{"w", DType::Bf16, {2304, 13, 9216}};
  const auto stacked = [](OrbaxOptions& o) { o.stacked["w"] = {1}; };
  const Row rows[] = {
      {layers, {}, {2304, 13, 9216}, {18, 13, 9216}},
      {layers, with(stacked), {2304, 13, 9216}, {256, 1, 9216}},
      {layers, with([](OrbaxOptions& o) { o.one_chunk = true; }), {2304, 13, 9216}, {2304, 13, 9216}},
      {layers, with([](OrbaxOptions& o) { o.zarr_version = 2; }), {72, 13, 9216}, {72, 13, 9216}},
      // A compressed chunk is a value of its own.
      {layers, with([](OrbaxOptions& o) { o.is_compressed = true; }), {72, 13, 9216}, {72, 13, 9216}},
      {layers, with([](OrbaxOptions& o) { o.chunks[0] = 16; }), {2304, 13, 9216}, {144, 1, 9216}},
      // What cannot be cut so, or has no such axis, is cut as ever.
      {layers, with([](OrbaxOptions& o) { o.chunks = {{1, 16}, {2, 16}}; }), {2304, 13, 9216}, {288, 13, 576}},
      {{"norm", DType::F32, {2304}}, with([](OrbaxOptions& o) { o.chunks = {{0, 7}, {3, 2}}; }), {2304}, {2304}},
      {{"norm", DType::F32, {2304}}, with([](OrbaxOptions& o) { o.chunks[0] = 16; }), {2304}, {144}},
      // Values of at most 2 GiB.
      {{"w", DType::Bf16, {64, 64 * Mi}}, {}, {16, 64 * Mi}, {1, 2 * Mi}},
  };
  for (const Row& row : rows) {
    const TensorInfo other{"other", DType::U8, {7 * 16, 16, 16, 2}};  // has what is asked for
    const WritePlan plan = planned_silently({row.tensor, other}, row.options);
    const zarr::ArrayMetadata& array = plan.arrays[0].layout.metadata();
    INFO(to_string(array.value_shape) << ' ' << to_string(array.chunk_shape));
    CHECK(array.value_shape == row.value);
    CHECK(array.chunk_shape == row.chunk);
  }
}

TEST_CASE("values lie behind one another in files that are not too large") {
  const std::vector<TensorInfo> tensors = {{"a", DType::U8, {1500}},
                                           {"small", DType::U8, {1004}},
                                           {"b", DType::U8, {1400}},
                                           {"large", DType::U8, {9000}},
                                           {"c", DType::U8, {1005}}};
  const WritePlan plan = planned_silently(tensors, with([](OrbaxOptions& o) { o.max_data_file_bytes = 3000; }));
  // A value has an index of 20 bytes; those of at most 1024 are for nodes.
  REQUIRE(plan.values.size() == 6);
  REQUIRE(plan.files.size() == 3);
  const auto is_at = [&](std::size_t value, std::size_t file, std::uint64_t offset, std::uint64_t bytes) {
    const PlannedValue& v = plan.values[value];
    return v.file == file && v.offset == offset && v.bytes == bytes;
  };
  CHECK(is_at(0, 0, 0, 1520));
  CHECK(!plan.values[1].file);
  CHECK(is_at(2, 0, 1520, 1420));
  CHECK(is_at(3, 1, 0, 9020));
  CHECK(is_at(4, 2, 0, 1025));
  CHECK(!plan.values[5].file);
  CHECK(plan.files[0].bytes == 2940);
  CHECK(plan.files[1].bytes == 9020);
  CHECK(plan.files[2].bytes == 1025);
  CHECK(value_key(plan, 0) == "params.params.a/c/0");
  CHECK(value_key(plan, 5) == "step/c");
}

TEST_CASE("what an Orbax checkpoint cannot hold is refused before anything is written") {
  struct Row {
    TensorInfo tensor;
    OrbaxOptions options;
    std::string words;
  };
  const auto one_frame = [](OrbaxOptions& o) { o.is_compressed = o.one_chunk = true; };
  const Row rows[] = {
      {{"t", DType::F32, {2, 0, 3}},
       {},
       "tensor `t` cannot be stored in an Orbax checkpoint: its shape [2 0 3] is empty"},
      {{"t", DType::F4, {2}}, {}, "zarr has no type for f4, whose elements share bytes"},
      {{"t", DType::F6E2M3, {4}}, {}, "zarr has no type for f6"},
      {{"t", DType::U8, {4096 * Mi + 1}}, with(one_frame), "a compressed chunk would have 4294967297 bytes"},
      {{"t", DType::U8, {Mi * Mi, 8 * Mi - 1}}, {}, "its shape [1099511627776 8388607] is too large for files"},
      {{"t", DType::U8, {32 * Mi}},
       with([](OrbaxOptions& o) {
         o.zarr_version = 2;
         o.chunks[0] = 32 * Mi;
       }),
       "it would be cut into 33554432 values, at most 16777216 are"},
      {{"t.x", DType::U8, {1}}, {}, "`t` is a tensor"},
  };
  for (const Row& row : rows) {
    const Scratch scratch;
    Diagnostics diags;
    const TensorInfo infos[] = {row.tensor, {row.tensor.name == "t" ? "other" : "t", DType::U8, {1}}};
    CHECK(!orbax_sink(scratch.path(), row.options)->begin(infos, diags));
    check_found(diags, "R0843", row.words);
    CHECK(diags.errors() == 1);
    CHECK(fs::is_empty(scratch.path()));
  }
  Diagnostics diags;
  CHECK(!planned({{"a", DType::U8, {0}}, {"b", DType::U8, {1}}, {"c", DType::F4, {2}}}, {}, diags));
  CHECK(diags.errors() == 2);
}

TEST_CASE("options that fit nothing are refused") {
  struct Row {
    OrbaxOptions options;
    std::string words;
  };
  const Row rows[] = {
      {with([](OrbaxOptions& o) { o.zarr_version = 1; }), "there is no zarr 1 in Orbax checkpoints"},
      {with([](OrbaxOptions& o) {
         o.one_chunk = true;
         o.chunks[0] = 2;
       }),
       "one chunk cannot be cut"},
      {with([](OrbaxOptions& o) { o.chunks[0] = 5; }), "no tensor has an axis 0 that can be cut into 5 equal pieces"},
      {with([](OrbaxOptions& o) { o.chunks[2] = 1; }), "no tensor has an axis 2"},
      {with([](OrbaxOptions& o) { o.chunks[0] = 0; }), "into 0 equal pieces"},
      {with([](OrbaxOptions& o) { o.chunks[0] = -2; }), "into -2 equal pieces"},
  };
  for (const Row& row : rows) {
    Diagnostics diags;
    CHECK(!planned({{"a", DType::U8, {4, 3}}}, row.options, diags));
    check_found(diags, "R0903", row.words);
  }
}

}  // namespace rulec::orbax_write_plan_test
