// SPDX-License-Identifier: Apache-2.0
// Checkpoints that Orbax and MaxText wrote, read to what Orbax itself restored from them: tests/data/orbax/README.md
// says where they come from.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/store/orbax/orbax_store.h"
#include "tests/orbax_files.h"
#include "tests/store_checks.h"

namespace rulec::orbax_read_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

const fs::path Data = fs::path(RULEC_TESTS_DIR) / "data/orbax";

using Facts = std::vector<std::pair<std::string, std::string>>;

struct Row {
  std::string folder;
  std::uint32_t digest;  // of the truth
  std::size_t tensors;
  Facts facts;           // that must be among those of the store
  std::string layout{};  // of the first tensor
};

// The digests are of what Orbax restored: as NumPy, and once more as sharded jax.Arrays.
const Row Rows[] = {
    {"grid_files_zarr2_raw", 0x7d184dcc, 4, {{"format", "Orbax, zarr 2 in files"}}, "1 chunk, raw"},
    {"grid_files_zarr2_zstd", 0xb75921f1, 4, {{"format", "Orbax, zarr 2 in files"}}, "1 chunk, zstd"},
    {"grid_files_zarr3_raw", 0x3ec95f48, 4, {{"format", "Orbax, zarr 3 in files"}}, "1 chunk, raw"},
    {"grid_files_zarr3_zstd", 0x11329c56, 4, {{"format", "Orbax, zarr 3 in files"}}, "1 chunk, zstd"},
    {"leaf_kinds_files",
     0x14d27885,
     12,
     {{"other leaves", "empty_dict (Dict), empty_list (List), nested.2 (List), none (None), text (string)"}},
     "1 chunk, zstd"},
    {"sharded_files_zarr2", 0xc017fc82, 7, {{"format", "Orbax, zarr 2 in files"}}, "8 chunks of [4 6], zstd"},
    {"processes2_files", 0xc464f83d, 7, {{"format", "Orbax, zarr 3 in files"}}, "4 chunks of [12 16], zstd"},
    {"processes3_zarr3", 0xc464f83d, 7, {{"format", "Orbax, zarr 3 in OCDBT"}}, "6 chunks of [8 16], zstd"},
    {"several_data_files", 0x24e7defa, 8, {{"format", "Orbax, zarr 3 in OCDBT"}}, "1 chunk, zstd"},
    {"odd_names_zarr3", 0x76a91ec8, 13, {{"format", "Orbax, zarr 3 in OCDBT"}}, "1 chunk, zstd"},
    {"root_is_leaf", 0xb0322a40, 1, {{"format", "Orbax, zarr 2 in OCDBT"}}, "1 chunk, zstd"},
    {"slash_name_files", 0xead9eebb, 1, {{"format", "Orbax, zarr 2 in files"}}, "1 chunk, zstd"},
    {"long_list", 0x5393277d, 12, {{"format", "Orbax, zarr 2 in OCDBT"}}, "1 chunk, zstd"},
    {"train_state_zarr3",
     0x42416d05,
     11,
     {{"weights", "under `params.params.`"},
      {"optimizer state", "7 tensors, 804 bytes"},
      {"other leaves", "opt_state.0 (None), opt_state.1.1 (None), opt_state.1.2 (None)"}},
     "1 chunk, zstd"},
    {"manager",
     0x135dc5bc,
     5,
     {{"step", "20 (also there: 10)"}, {"item", "params"}, {"metadata of the step", "{\"s\": 20}"}},
     "1 chunk, zstd"},
    {"manager/20/params", 0x135dc5bc, 5, {{"step", "20"}, {"item", "params"}}, "1 chunk, zstd"},
    {"manager_prefix", 0x7b69e739, 4, {{"step", "ckpt_00000007"}, {"item", "default"}}, "1 chunk, zstd"},
    {"v1_state", 0x377f1b83, 6, {{"item", "state"}, {"other leaves", "s (string)"}}, "1 chunk, zstd"},
    {"v1_checkpointables/info", 0x508a92e4, 1, {{"item", "info"}}, "1 chunk, zstd"},
    {"maxtext_scan_1dev",
     0xc223d216,
     25,
     {{"step", "0"}, {"item", "items"}, {"scan_layers", "true, as _CHECKPOINT_METADATA says"}},
     "1 chunk, zstd"},
    {"maxtext_scan_1dev/0", 0xc223d216, 25, {{"step", "0"}, {"other leaves", "opt_state (Dict)"}}, "1 chunk, zstd"},
    {"maxtext_unscan_1dev/0/items",
     0xf99ab13d,
     47,
     {{"step", "0"}, {"item", "items"}, {"scan_layers", "false, as _CHECKPOINT_METADATA says"}},
     "1 chunk, zstd"},
};

Result<std::unique_ptr<TensorStore>> opened_as_stored(const fs::path& folder, Diagnostics& diags) {
  return orbax::open_checkpoint(folder, orbax::Names::AsStored, diags);
}

}  // namespace

TEST_CASE("checkpoints that Orbax wrote are read to their truth") {
  for (const Row& row : Rows) {
    CAPTURE(row.folder);
    Diagnostics diags;
    const auto store = opened_as_stored(Data / row.folder, diags);
    REQUIRE_MESSAGE(store, render_text(diags));
    CHECK_MESSAGE(diags.all().empty(), render_text(diags));
    CHECK((*store)->tensors().size() == row.tensors);
    CHECK(digest(**store) == row.digest);
    const Facts facts = (*store)->facts();
    for (const auto& fact : row.facts)
      CHECK_MESSAGE(std::ranges::count(facts, fact) == 1, fact.first, "=", fact.second);
    CHECK((*store)->layout_of(0) == row.layout);
  }
}

// The same arrays by the same names, where the truth is kept beside the checkpoint.
TEST_CASE("what differs from the truth would be named") {
  std::size_t checked = 0;
  for (const Row& row : Rows) {
    const fs::path truth_path = Data / (row.folder + ".safetensors");
    if (!fs::exists(truth_path)) continue;
    CAPTURE(row.folder);
    Diagnostics diags;
    const auto store = opened_as_stored(Data / row.folder, diags);
    REQUIRE_MESSAGE(store, render_text(diags));
    const auto truth = opened_silently(truth_path);
    CHECK(std::ranges::equal((*store)->tensors(), truth->tensors()));
    CHECK(digest(*truth) == row.digest);
    ++checked;
  }
  CHECK(checked >= 7);
}

TEST_CASE("elements of types that rulec does not have are left out, and named") {
  Diagnostics diags;
  const auto store = opened_as_stored(Data / "dtypes_small_zarr3", diags);
  REQUIRE_MESSAGE(store, render_text(diags));
  CHECK(diags.errors() == 0);
  CHECK(diags.warnings() == 4);
  for (const char* type : {"int4", "float8_e4m3b11fnuz", "float8_e3m4", "float4_e2m1fn"}) {
    check_found(diags, "R0842", std::string("is left out: its elements are ") + type);
  }
}

TEST_CASE("of two trees in a step that has no usual one, the user names one") {
  Diagnostics diags;
  CHECK(!opened_as_stored(Data / "v1_checkpointables", diags));
  check_found(diags, "R0840", "it has several trees: `info`, `model`");
}

// The changed tree leads to a message, or to the same tensors.
TEST_CASE("no byte of a tree, changed, gives other tensors without a word") {
  const Scratch scratch;
  fs::copy(Data / "grid_files_zarr2_raw", scratch / "c", fs::copy_options::recursive);
  const std::string whole = read_file(scratch / "c/_METADATA");
  const std::uint32_t truth = digest(*opened_silently(scratch / "c"));
  std::size_t same = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x20, 0xff}) {
      std::string text = whole;
      text[at] = static_cast<char>(text[at] ^ mask);
      scratch.write("c/_METADATA", text);
      Diagnostics diags;
      const auto store = opened_as_stored(scratch / "c", diags);
      CHECK(static_cast<bool>(store) == (diags.errors() == 0));
      if (!diags.all().empty()) continue;
      ++same;
      CHECK(digest(**store) == truth);
    }
  }
  CHECK(same > 0);
}

}  // namespace rulec::orbax_read_test
