// SPDX-License-Identifier: Apache-2.0
// What the system refuses, and files that change under the reader.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/faults.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::store_faults_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

const std::string File = safetensors(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 8);

Status read_first(const TensorStore& store, Diagnostics& diags) {
  std::vector<std::byte> bytes(store.tensors()[0].bytes());
  return store.read(0, 0, bytes, diags);
}

}  // namespace

TEST_CASE("a full disk is met before the first byte, and nothing is left on it") {
  const SmallDisk disk(64U << 10U);
  if (!disk.is_mounted()) {
    MESSAGE("skipped: this user cannot mount a file system");
    return;
  }
  std::vector<TensorInfo> infos;
  for (int i = 0; i < 3; ++i) infos.push_back({fmt::format("t{}", i), DType::U8, {30'000}});
  Diagnostics diags;
  const std::unique_ptr<TensorSink> sink = safetensors_sink(disk.path(), {.max_shard_bytes = 30'000});
  CHECK(!sink->begin(infos, diags));
  check_found(diags, "R0809", "model-00003-of-00003.safetensors`: No space left on device");
  REQUIRE(diags.all()[0].notes.size() == 1);
  CHECK(diags.all()[0].notes[0].find("it needs 30") == 0);
  CHECK(fs::is_empty(disk.path()));
}

TEST_CASE("a disk that fills up before the index leaves nothing") {
  const SmallDisk disk(64U << 10U);
  if (!disk.is_mounted()) {
    MESSAGE("skipped: this user cannot mount a file system");
    return;
  }
  const TensorInfo infos[] = {{"a", DType::U8, {30'000}}, {"b", DType::U8, {20'000}}};
  Diagnostics diags;
  {
    const std::unique_ptr<TensorSink> sink = safetensors_sink(disk.path(), {.max_shard_bytes = 30'000});
    REQUIRE(sink->begin(infos, diags));
    for (std::size_t i = 0; i < 2; ++i) CHECK(sink->write(i, 0, std::vector<std::byte>(infos[i].bytes()), diags));
    const fs::path ballast = disk.path() / "ballast";
    const std::string rest(static_cast<std::size_t>(fs::space(disk.path()).available), 'x');
    if (FILE* file = std::fopen(ballast.c_str(), "w")) {
      CHECK(std::fwrite(rest.data(), 1, rest.size(), file) == rest.size());
      std::fclose(file);
    }
    CHECK(!sink->commit(diags));
    check_found(diags, "R0809", "model.safetensors.index.json`: No space left on device");
    fs::remove(ballast);
  }
  CHECK(fs::is_empty(disk.path()));
}

TEST_CASE("a limit on the size of files is met cleanly") {
  const Scratch scratch;
  const TensorInfo infos[] = {{"a", DType::U8, {100'000}}};
  const auto before = std::signal(SIGXFSZ, SIG_IGN);  // a program that writes checkpoints ignores it
  Diagnostics diags;
  {
    const Limit limit(RLIMIT_FSIZE, 50'000);
    CHECK(!safetensors_sink(scratch.path())->begin(infos, diags));
  }
  std::signal(SIGXFSZ, before);
  check_found(diags, "R0809", "File too large");
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("a limit on open files is met cleanly") {
  const Scratch scratch;
  std::string weight_map = "{";
  for (int i = 0; i < 40; ++i) {
    scratch.write(fmt::format("{}.safetensors", i),
                  safetensors(fmt::format(R"({{"t{}":{{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}}})", i), 1));
    weight_map += fmt::format(R"({}"t{}":"{}.safetensors")", i == 0 ? "" : ",", i, i);
  }
  scratch.write("model.safetensors.index.json", fmt::format(R"({{"weight_map":{}}}}})", weight_map));
  Diagnostics diags;
  {
    const Limit limit(RLIMIT_NOFILE, 24);
    CHECK(!open_store(scratch.path(), diags));
  }
  check_found(diags, "R0801", "Too many open files");
  CHECK(diags.errors() <= 10);
}

TEST_CASE("what a user may not read or write is told") {
  const Scratch scratch;
  fs::permissions(scratch.path(), fs::perms::all);
  const fs::path file = scratch.write("ckpt/model.safetensors", File);
  const fs::path closed = scratch.write("closed/model.safetensors", File).parent_path();
  fs::permissions(file, fs::perms::none);
  fs::permissions(closed, fs::perms::none);
  const fs::path read_only = scratch / "read_only";
  fs::create_directory(read_only);
  fs::permissions(read_only,
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  const TensorInfo infos[] = {{"a", DType::U8, {4}}};
  Diagnostics unreadable, unlistable, unwritable, absent;
  {
    const Nobody nobody;
    CHECK(!open_store(scratch / "ckpt", unreadable));
    CHECK(!open_store(closed, unlistable));
    CHECK(!safetensors_sink(read_only)->begin(infos, unwritable));
  }
  CHECK(!safetensors_sink(scratch / "absent")->begin(infos, absent));
  check_found(unreadable, "R0801", "model.safetensors`: Permission denied");
  check_found(unlistable, "R0801", "closed`: Permission denied");
  check_found(unwritable, "R0809", "model.safetensors`: Permission denied");
  check_found(absent, "R0809", "No such file or directory");
  fs::permissions(closed, fs::perms::all);
}

TEST_CASE("a file that changes while it is read is told, not read") {
  const Scratch scratch;
  const fs::path path = scratch.write("model.safetensors", File);
  const auto after = [&](auto change) {
    scratch.write("model.safetensors", File);
    const std::unique_ptr<TensorStore> store = opened_silently(path);
    change();
    Diagnostics diags;
    CHECK(!read_first(*store, diags));
    check_found(diags, "R0817", "model.safetensors` changed while it was read");
  };
  after([&] { fs::resize_file(path, File.size() - 4); });
  after([&] { fs::resize_file(path, 0); });
  after([&] { scratch.write("model.safetensors", File + "more"); });
  after([&] { fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1)); });
}

TEST_CASE("a file that is replaced by another is read as it was opened") {
  const Scratch scratch;
  const fs::path path = scratch.write("model.safetensors", File);
  const std::unique_ptr<TensorStore> store = opened_silently(path);
  fs::rename(scratch.write("new", "something else"), path);
  Diagnostics diags;
  CHECK(read_first(*store, diags));
}

}  // namespace rulec::store_faults_test
