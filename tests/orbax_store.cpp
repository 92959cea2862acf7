// SPDX-License-Identifier: Apache-2.0
// Checkpoints of Orbax as stores: what is among the tensors, what is not, and who says so.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <map>
#include <string>
#include <vector>

#include "engine/ocdbt/write_database.h"
#include "engine/store/orbax/orbax_store.h"
#include "tests/orbax_files.h"
#include "tests/store_checks.h"

namespace rulec::orbax_store_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_of(const TensorStore& store) {
  std::vector<std::string> names;
  for (const TensorInfo& tensor : store.tensors()) names.push_back(tensor.name);
  return names;
}

Diagnostics said_of(const fs::path& folder) {
  Diagnostics diags;
  const auto store = orbax::open_checkpoint(folder, orbax::Names::AsRules, diags);
  CHECK(static_cast<bool>(store) == (diags.errors() == 0));
  return diags;
}

std::map<std::string, std::string> facts_of(const TensorStore& store) {
  const auto facts = store.facts();
  return {facts.begin(), facts.end()};
}

using Names = std::vector<std::string>;

constexpr std::string_view TwoFloats =
    R"({"chunks":[2],"compressor":null,"dimension_separator":".","dtype":"<f4","fill_value":null,)"
    R"("filters":null,"order":"C","shape":[2],"zarr_format":2})";

// A database of these values, in place of the one before.
void write_values(const fs::path& folder, const std::map<std::string, std::string_view>& values) {
  fs::remove(folder / "manifest.ocdbt");
  fs::remove_all(folder / "d");
  std::vector<ocdbt::NewEntry> entries;
  for (const auto& [key, bytes] : values) entries.push_back({key, std::as_bytes(std::span(bytes))});
  Diagnostics diags;
  REQUIRE(ocdbt::write_database(folder, entries, {}, {}, diags));
}

}  // namespace

TEST_CASE("tensors are called as they are stored, or as rules call them") {
  const Scratch scratch;
  const fs::path item = write_orbax(scratch, "c", {{"step"}, {"params/params/b/w"}, {"params/params/a/w"}});
  Diagnostics diags;
  const auto stored = orbax::open_checkpoint(item, orbax::Names::AsStored, diags);
  const auto rules = orbax::open_checkpoint(item, orbax::Names::AsRules, diags);
  REQUIRE((stored && rules));
  CHECK(diags.all().empty());
  CHECK(names_of(**stored) == Names{"params.params.a.w", "params.params.b.w", "step"});
  CHECK(names_of(**rules) == Names{"a.w", "b.w", "step"});
  CHECK(names_of(*opened_silently(item)) == Names{"a.w", "b.w", "step"});
  std::vector<std::byte> bytes(8);
  REQUIRE((*rules)->read(0, 0, bytes, diags));
  CHECK(bytes == std::vector<std::byte>(8, std::byte{2}));
  CHECK((*rules)->where() == item.string());
}

TEST_CASE("leaves that come to one name are refused") {
  const Scratch scratch;
  const Diagnostics diags = said_of(
      write_orbax(scratch, "c", {{"params/params/layers/0/w"}, {"params/params/layers_0/w"}, {"params/params/a"}}));
  check_found(diags, "R0840",
              "`params.params.layers.0.w` and `params.params.layers_0.w` are both `layers_0.w` to rules");
  check_found(said_of(write_orbax(scratch, "d", {{"step"}, {"params/step"}})), "R0840", "are both `step` to rules");
}

TEST_CASE("an array that is listed and not there is an error, one that is there and not listed a warning") {
  const Scratch scratch;
  const fs::path item = write_orbax(scratch, "c", {{"a"}, {"b"}});
  scratch.write("c/_METADATA", orbax_tree_text({{"a"}, {"lost"}}));
  check_found(said_of(item), "R0840", "it lists the array `lost`, which is not in the folder");
  scratch.write("c/_METADATA", orbax_tree_text({{"a"}}));
  Diagnostics diags = said_of(item);
  CHECK(diags.errors() == 0);
  check_found(diags, "R0842", "`b` is left out: it is stored, but `_METADATA` does not list it");
  write_zarr2(scratch, "c/more", "<f4", 4, "1234");
  diags = said_of(item);
  CHECK(diags.warnings() == 1);
  CHECK(diags.all()[0].notes == Names{"so are 1 more arrays"});
}

TEST_CASE("what is no tensor of rulec is left out with a warning") {
  const Scratch scratch;
  const fs::path item = write_orbax(scratch, "c",
                                    {{"a"},
                                     {"custom", "my.Handler"},
                                     {"old", "np.ndarray", true},
                                     {"text", "string"},
                                     {"none", "None", true},
                                     {"few"}});
  write_zarr2(scratch, "c/few", "int4", 1, "1234");
  Diagnostics diags;
  const auto store = orbax::open_checkpoint(item, orbax::Names::AsRules, diags);
  REQUIRE(store);
  CHECK(names_of(**store) == Names{"a"});
  CHECK(diags.errors() == 0);
  CHECK(diags.warnings() == 3);
  check_found(diags, "R0842", "`custom` is left out: it is of the type `my.Handler`, whose values rulec does not find");
  check_found(diags, "R0842", "`old` is left out: it is of the type `np.ndarray`");
  check_found(diags, "R0842", "`few` is left out: its elements are int4, a type that rulec does not have");
  CHECK(facts_of(**store)["other leaves"] == "custom (my.Handler), old (np.ndarray), text (string), none (None)");
}

TEST_CASE("the tree and the database must agree that there is one") {
  const Scratch scratch;
  const fs::path item = write_orbax(scratch, "c", {{"a"}}, R"(, "use_ocdbt": false)");
  CHECK(opens(item));
  scratch.write("c/manifest.ocdbt", "x");
  check_found(said_of(item), "R0840", "`use_ocdbt` is false, but there is a database beside it");
  fs::remove(item / "manifest.ocdbt");
  scratch.write("c/_METADATA", orbax_tree_text({{"a"}}, R"(, "use_ocdbt": true)"));
  const Diagnostics diags = said_of(item);
  REQUIRE(diags.errors() == 1);
  check_found(diags, "R0820", "manifest.ocdbt");
}

TEST_CASE("a chunk that is not stored is a fill value only where the tree says so") {
  const Scratch scratch;
  struct Row {
    const char* rest;
    bool is_read;
  };
  for (const Row& row : {Row{"", true}, Row{R"(, "store_array_data_equal_to_fill_value": false)", true},
                         Row{R"(, "store_array_data_equal_to_fill_value": true)", false}}) {
    CAPTURE(row.rest);
    const fs::path item = write_orbax(scratch, "c", {{"a"}}, row.rest);
    fs::remove(item / "a/0");
    const auto store = opened_silently(item);
    std::vector<std::byte> bytes(8, std::byte{1});
    Diagnostics diags;
    CHECK(static_cast<bool>(store->read(0, 0, bytes, diags)) == row.is_read);
    if (row.is_read) CHECK(bytes == std::vector<std::byte>(8));
    if (!row.is_read) check_found(diags, "R0831", "tensor `a` lacks the chunk `0`");
  }
}

TEST_CASE("names of arrays lead no further than their checkpoint") {
  const Scratch scratch;
  write_zarr2(scratch, "outside", "<f4", 4, "1234");
  for (const auto& [key, words] :
       {std::pair("../outside", "climbs out of its folder"), std::pair("a/../../outside", "climbs out of its folder"),
        std::pair("/etc", "is an absolute path"), std::pair("a\\u0000b", "has a NUL character")}) {
    CAPTURE(key);
    scratch.write("c/_METADATA", fmt::format(R"({{"tree_metadata": {{"x": {{"key_metadata": [{{"key": "{}", )"
                                             R"("key_type": 2}}], "value_metadata": {{"value_type": "scalar", )"
                                             R"("skip_deserialize": false}}}}}}}})",
                                             key));
    check_found(said_of(scratch / "c"), "R0806", words);
  }
  const fs::path item = write_orbax(scratch, "d", {{"a"}});
  fs::remove_all(item / "a");
  fs::create_directory_symlink(scratch / "outside", item / "a");
  check_found(said_of(item), "R0806", "is a symbolic link out of the folder of the checkpoint");
}

TEST_CASE("a file that is no file of JSON is told by what it is") {
  const Scratch scratch;
  scratch.write("c/_METADATA", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
  check_found(said_of(scratch / "c"), "R0811", "_METADATA` is a Git LFS pointer");
  const fs::path item = write_orbax(scratch, "d", {{"a"}});
  scratch.write("d/_CHECKPOINT_METADATA", std::string((1U << 20U) + 1, ' '));
  check_found(said_of(item), "R0803", "_CHECKPOINT_METADATA` has 1048577 bytes, over the limit of 1048576");
  scratch.write("d/_CHECKPOINT_METADATA", "{");
  check_found(said_of(item), "R0840", "_CHECKPOINT_METADATA` is not an Orbax checkpoint");
  fs::remove(item / "_METADATA");
  fs::create_directory(item / "_METADATA");
  check_found(said_of(item), "R0806", "is a folder, not a regular file");
}

TEST_CASE("a store tells what people want to know of a checkpoint") {
  const Scratch scratch;
  for (const char* step : {"10", "20"}) {
    write_orbax(scratch, std::string("run/") + step + "/items",
                {{"step"}, {"params/params/decoder/layers/w"}, {"opt_state/0/mu/w"}, {"opt_state/0/nu/w"}},
                R"(, "custom_metadata": {"note": 1})");
    scratch.write(std::string("run/") + step + "/_CHECKPOINT_METADATA",
                  R"({"custom_metadata": {"scan_layers": true, "lora": {}}})");
  }
  write_orbax(scratch, "run/20/teacher", {{"a"}});
  const auto store = opened_silently(scratch / "run");
  using Facts = std::vector<std::pair<std::string, std::string>>;
  CHECK(store->facts() == Facts{{"format", "Orbax, zarr 2 in files"},
                                {"step", "20 (also there: 10)"},
                                {"item", "items (also there: teacher)"},
                                {"weights", "under `params.params.`"},
                                {"scan_layers", "true, as _CHECKPOINT_METADATA says"},
                                {"optimizer state", "2 tensors, 16 bytes"},
                                {"metadata of the step", R"({"scan_layers": true, "lora": {}})"},
                                {"metadata of the tree", R"({"note": 1})"}});
  CHECK(store->options() == std::map<std::string, std::string>{{"scan_layers", "true"}});
  CHECK(store->layout_of(0) == "1 chunk, raw");
  scratch.write("run/20/_CHECKPOINT_METADATA", "{}");
  CHECK(facts_of(*opened_silently(scratch / "run"))["scan_layers"] == "true, as the name `layers` says");
  CHECK(opened_silently(scratch / "run")->options().empty());
}

TEST_CASE("thousands of arrays in one database are opened at once") {
  constexpr int Count = 5000;
  const Scratch scratch;
  const std::string_view document = TwoFloats;
  const std::string value = "12345678";
  std::vector<NewLeaf> leaves;
  std::map<std::string, std::string_view> values;
  for (int i = 0; i < Count; ++i) {
    leaves.push_back({fmt::format("params/params/decoder/layers_{}/kernel", i)});
    const std::string array = orbax::array_name(keys_of(leaves.back().keys));
    values[array + "/.zarray"] = document;
    values[array + "/0"] = value;
  }
  scratch.write("c/_METADATA", orbax_tree_text(leaves, R"(, "use_ocdbt": true)"));
  write_values(scratch / "c", values);
  const auto store = opened_silently(scratch / "c");
  CHECK(store->tensors().size() == Count);
  CHECK(store->tensors()[0].name == "decoder.layers_0.kernel");
  CHECK(facts_of(*store)["format"] == "Orbax, zarr 2 in OCDBT");
  // A key of an array that the tree does not know.
  scratch.write("c/_METADATA", orbax_tree_text({leaves[0]}, R"(, "use_ocdbt": true)"));
  const Diagnostics said = said_of(scratch / "c");
  check_found(said, "R0842", "`params.params.decoder.layers_1.kernel` is left out");
  CHECK(said.all()[0].notes == Names{"so are 4998 more arrays"});
  scratch.write("c/_METADATA", orbax_tree_text({{"lost"}}));
  check_found(said_of(scratch / "c"), "R0840", "it lists the array `lost`, which is not in the database");
}

TEST_CASE("values that their array has no place for are warned of") {
  const Scratch scratch;
  const std::map<std::string, std::string_view> array = {{"a/.zarray", TwoFloats}, {"a/0", "12345678"}};
  scratch.write("c/_METADATA", orbax_tree_text({{"a"}}, R"(, "use_ocdbt": true)"));
  for (const char* stray : {"a/1", "a/00", "a/0.0", "a/-1", "a/c/0", "a/zarr.json.old", "a/b/0"}) {
    std::map<std::string, std::string_view> values = array;
    values[stray] = "12345678";
    write_values(scratch / "c", values);
    const Diagnostics said = said_of(scratch / "c");
    CHECK(said.all().size() == 1);
    check_found(said, "R0842", fmt::format("`{}` is left out: its array has no chunk of this key", stray));
  }
  std::map<std::string, std::string_view> values = array;
  values["a/7"] = values["a/8"] = values["a/9"] = "12345678";
  write_values(scratch / "c", values);
  CHECK(said_of(scratch / "c").all()[0].notes == Names{"so are 2 more values"});
  write_values(scratch / "c", array);
  opened_silently(scratch / "c");
}

TEST_CASE("and so they are in files") {
  for (const char* stray : {"a/0.0.-1", "a/00", "a/c/00/1", "a/0.0", "a/zarr.json.old", "a/1"}) {
    const Scratch scratch;
    scratch.write("c/_METADATA", orbax_tree_text({{"a"}}));
    scratch.write("c/a/.zarray", TwoFloats);
    scratch.write("c/a/0", "12345678");
    scratch.write("c/a/.DS_Store", "not ours");
    opened_silently(scratch / "c");
    scratch.write(std::string("c/") + stray, "12345678");
    const Diagnostics said = said_of(scratch / "c");
    CHECK(said.all().size() == 1);
    check_found(said, "R0842", fmt::format("`{}` is left out: its array has no chunk of this key", stray));
  }
}

}  // namespace rulec::orbax_store_test
