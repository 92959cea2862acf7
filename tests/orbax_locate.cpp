// SPDX-License-Identifier: Apache-2.0
// Which tree of a folder is read, whatever level of the folder is given, and what is said of the rest.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "engine/store/orbax/locate.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_locate_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

constexpr const char* Tmp = ".orbax-checkpoint-tmp";

orbax::Location located(const fs::path& folder) {
  Diagnostics diags;
  Result<orbax::Location> place = orbax::locate(folder, diags);
  REQUIRE_MESSAGE(place, render_text(diags));
  CHECK_MESSAGE(diags.all().empty(), render_text(diags));
  return *std::move(place);
}

Diagnostics refused(const fs::path& folder) {
  Diagnostics diags;
  CHECK(!orbax::locate(folder, diags));
  return diags;
}

void write_item(const Scratch& scratch, const std::string& item) {
  scratch.write(item + "/_METADATA", "{}");
}

void write_step(const Scratch& scratch, const std::string& step, const std::string& item = "items") {
  scratch.write(step + "/_CHECKPOINT_METADATA", "{}");
  write_item(scratch, step + "/" + item);
}

}  // namespace

TEST_CASE("names of steps end in their number") {
  CHECK(orbax::step_number("0") == 0);
  CHECK(orbax::step_number("17") == 17);
  CHECK(orbax::step_number("ckpt_00000007") == 7);
  CHECK(orbax::step_number("my_run_12") == 12);
  CHECK(orbax::step_number("_3") == 3);
  for (const char* name : {"", "_", "items", "7a", "a7", "7_", "-7", "+7", " 7", "7.orbax-checkpoint-tmp", "0x7",
                           "99999999999999999999", "layers_"}) {
    CHECK_MESSAGE(!orbax::step_number(name), name);
  }
}

TEST_CASE("a run, its step and its item lead to the same tree") {
  const Scratch scratch;
  write_step(scratch, "run/checkpoints/5");
  const fs::path item = scratch / "run/checkpoints/5/items";
  for (const char* folder : {"run", "run/checkpoints", "run/checkpoints/5", "run/checkpoints/5/items",
                             "run/checkpoints/5/items/", "run/checkpoints/./5/", "run/../run"}) {
    CAPTURE(folder);
    const orbax::Location place = located(scratch / folder);
    CHECK(fs::equivalent(place.item, item));
    CHECK(fs::equivalent(place.step_folder, item.parent_path()));
    CHECK(place.item_name == "items");
    CHECK(place.step == "5");
    CHECK(place.other_steps.empty());
    CHECK(place.other_items.empty());
  }
}

TEST_CASE("a checkpoint without steps or items is one folder") {
  const Scratch scratch;
  scratch.write("single/_METADATA", "{}");
  for (const bool has_step_metadata : {false, true}) {
    if (has_step_metadata) scratch.write("single/_CHECKPOINT_METADATA", "{}");
    const orbax::Location place = located(scratch / "single");
    CHECK(place.item == scratch / "single");
    CHECK(place.step_folder == scratch / "single");
    CHECK(place.item_name.empty());
    CHECK(place.step.empty());
  }
  // One for each step of a run.
  scratch.write("run/1/_METADATA", "{}");
  scratch.write("run/2/_METADATA", "{}");
  CHECK(located(scratch / "run").step == "2");
  CHECK(located(scratch / "run").item_name.empty());
}

TEST_CASE("of several steps the one with the highest number is read") {
  const Scratch scratch;
  for (const char* step : {"3", "10", "20", "9"}) write_step(scratch, step);
  scratch.write("metadata/_ROOT_METADATA", "{}");
  const orbax::Location place = located(scratch.path());
  CHECK(place.step == "20");
  CHECK(place.other_steps == std::vector<std::string>{"10", "9", "3"});
  const Scratch prefixed;
  for (const char* step : {"ckpt_00000007", "ckpt_00000012"}) write_step(prefixed, step, "default");
  CHECK(located(prefixed.path()).step == "ckpt_00000012");
  CHECK(located(prefixed.path()).item_name == "default");
}

TEST_CASE("steps of one number are told apart by the user") {
  const Scratch scratch;
  write_step(scratch, "a_7");
  write_step(scratch, "b_7");
  check_found(refused(scratch.path()), "R0840", "both `a_7` and `b_7` are step 7");
}

TEST_CASE("an unfinished step is passed over with a warning, and refused when it is named") {
  const Scratch scratch;
  write_step(scratch, "10");
  const std::string tmp = std::string("20") + Tmp;
  write_step(scratch, tmp);
  write_step(scratch, std::string("15") + Tmp + "-17123");
  scratch.write("30/_CHECKPOINT_METADATA", "{}");
  scratch.write("30/items/d/x", "");
  scratch.write(std::string("40/items") + Tmp + "/_METADATA", "{}");
  write_step(scratch, "50");
  scratch.write("50/items/ocdbt.process_0/manifest.ocdbt", "");
  write_step(scratch, std::string("5") + Tmp);  // older than what is read
  Diagnostics diags;
  const Result<orbax::Location> place = orbax::locate(scratch.path(), diags);
  REQUIRE(place);
  CHECK(place->step == "10");
  CHECK(place->other_steps.empty());
  CHECK(diags.errors() == 0);
  CHECK(diags.warnings() == 5);
  check_found(diags, "R0842", "20.orbax-checkpoint-tmp` is left out: its name says that it is still being written");
  check_found(diags, "R0842", "15.orbax-checkpoint-tmp-17123` is left out");
  check_found(diags, "R0842", "30` is left out: no item in it has `_METADATA`");
  check_found(diags, "R0842", "40` is left out: `items.orbax-checkpoint-tmp` in it is still being written");
  check_found(diags, "R0842", "50` is left out: what its processes wrote is not merged yet");
  scratch.write("50/items/manifest.ocdbt", "");
  CHECK(located(scratch.path()).step == "50");

  for (const std::string& named : {tmp, tmp + "/", tmp + "/items"}) {
    CAPTURE(named);
    check_found(refused(scratch / named), "R0841", "`20.orbax-checkpoint-tmp` is still being written");
  }
  check_found(refused(scratch / "30"), "R0841", "no item in it has `_METADATA`");
  check_found(refused(scratch / "40"), "R0841", "`items.orbax-checkpoint-tmp` in it is still being written");
}

TEST_CASE("a run without a finished step says of each step why") {
  const Scratch scratch;
  write_step(scratch, std::string("0") + Tmp);
  scratch.write("1/_CHECKPOINT_METADATA", "{}");
  const Diagnostics diags = refused(scratch.path());
  check_found(diags, "R0841", "none of its steps is finished");
  CHECK(diags.all()[0].notes.size() == 2);
  CHECK(diags.all()[0].notes[0] == "`1`: no item in it has `_METADATA`");
}

TEST_CASE("of several trees in a step the usual one is read") {
  const std::vector<std::string> known = {"items", "default", "state", "params", "model_params"};
  for (std::size_t i = 0; i < known.size(); ++i) {
    const Scratch scratch;
    write_item(scratch, "aux");
    scratch.write("metrics/metrics", "{}");  // no tree
    for (std::size_t j = i; j < known.size(); ++j) write_step(scratch, ".", known[j]);
    const orbax::Location place = located(scratch.path());
    CHECK(place.item_name == known[i]);
    CHECK(place.other_items.size() == known.size() - i);
    CHECK(std::set(place.other_items.begin(), place.other_items.end()).contains("aux"));
  }
}

TEST_CASE("the only tree of a step is read, whatever it is called") {
  const Scratch scratch;
  write_item(scratch, "teacher");
  CHECK(located(scratch.path()).item_name == "teacher");
  scratch.write("orbax.checkpoint", "");
  CHECK(located(scratch.path()).item_name == "teacher");
  write_item(scratch, "student");
  const Diagnostics diags = refused(scratch.path());
  check_found(diags, "R0840", "it has several trees: `student`, `teacher`");
  CHECK(diags.all()[0].helps[0] == "name the folder of the one that is meant");
  CHECK(located(scratch / "student").item == scratch / "student");
}

TEST_CASE("what has no tree is told from what has lost it") {
  struct Row {
    const char* file;
    const char* id;
    const char* words;
  };
  for (const Row& row :
       {Row{"manifest.ocdbt", "R0840", "it is a database without `_METADATA`"},
        Row{".zarray", "R0840", "it is a single zarr array"}, Row{"zarr.json", "R0840", "it is a single zarr array"},
        Row{"checkpoint", "R0840", "it has `checkpoint`, but no `_METADATA` yet"},
        Row{"_CHECKPOINT_METADATA", "R0841", "no item in it has `_METADATA`"},
        Row{"orbax.checkpoint", "R0841", "no item in it has `_METADATA`"},
        Row{"7/d/x", "R0841", "none of its steps is finished"},
        Row{"notes.txt", "R0840", "nothing in it has `_METADATA`"}}) {
    const Scratch scratch;
    scratch.write(row.file, "");
    CAPTURE(row.file);
    check_found(refused(scratch.path()), row.id, row.words);
  }
}

TEST_CASE("steps of old releases are told by what they are") {
  const Scratch scratch;
  scratch.write("3/default/checkpoint", "x");
  scratch.write("4/checkpoint", "x");
  const Diagnostics diags = refused(scratch.path());
  check_found(diags, "R0841", "none of its steps is finished");
  CHECK(diags.all()[0].notes[0] == "`4`: it is of an old release of Orbax");
  CHECK(diags.all()[0].notes[1] == "`3`: `default` in it is of an old release of Orbax");
}

TEST_CASE("no link leads out of the folder that was given") {
  const Scratch scratch;
  write_item(scratch, "elsewhere");
  fs::create_directory(scratch / "run");
  fs::create_directory_symlink(scratch / "elsewhere", scratch / "run/0");
  check_found(refused(scratch / "run"), "R0806", "is a symbolic link out of the folder of the checkpoint");
  fs::remove(scratch / "run/0");
  write_step(scratch, "run/0");
  fs::create_directory_symlink("0", scratch / "run/1");
  CHECK(located(scratch / "run").step == "1");
  // One that leads back in is followed as far as the system does.
  scratch.write("back/2/_METADATA", "{}");
  fs::create_directory_symlink(".", scratch / "back/3");
  CHECK(located(scratch / "back").step == "2");
  // A link that never ends is no folder.
  fs::create_directory_symlink("2", scratch / "run/2");
  CHECK(located(scratch / "run").step == "1");
}

TEST_CASE("folders are recognised by looking") {
  for (const char* mark :
       {"_METADATA", "_CHECKPOINT_METADATA", "manifest.ocdbt", "orbax.checkpoint", ".zarray", "zarr.json"}) {
    const Scratch scratch;
    CHECK(!orbax::has_marks(scratch.path()));
    scratch.write(mark, "");
    CHECK(orbax::has_marks(scratch.path()));
  }
  for (const char* file : {"0/x", "ckpt_00000007/x", "items/_METADATA", "checkpoints/0/x", "checkpoint",
                           "0.orbax-checkpoint-tmp/x", "items.orbax-checkpoint-tmp/x"}) {
    const Scratch scratch;
    CHECK(!orbax::has_folders(scratch.path()));
    scratch.write(file, "");
    CHECK_MESSAGE(orbax::has_folders(scratch.path()), file);
  }
  const Scratch scratch;
  scratch.write("src/main.cpp", "");
  scratch.write("checkpoints/notes.txt", "");
  CHECK(!orbax::has_folders(scratch.path()));
}

TEST_CASE("open_store says what it looked for") {
  const Scratch scratch;
  Diagnostics diags;
  CHECK(!open_store(scratch.path(), diags));
  check_found(diags, "R0814", "there is no checkpoint");
  scratch.write("0.orbax-checkpoint-tmp/items/_METADATA", "{}");
  CHECK(!opens(scratch.path()));
  Diagnostics unfinished;
  CHECK(!open_store(scratch.path(), unfinished));
  check_found(unfinished, "R0841", "none of its steps is finished");
}

}  // namespace rulec::orbax_locate_test
