// SPDX-License-Identifier: Apache-2.0
// What the system refuses while an Orbax checkpoint is written.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "tests/faults.h"
#include "tests/orbax_written.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::orbax_sink_faults_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

OrbaxOptions form(bool has_database, bool is_compressed) {
  OrbaxOptions options;
  options.has_database = has_database;
  options.is_compressed = is_compressed;
  options.max_data_file_bytes = 30'000;
  return options;
}

// Fills what is left of a disk.
void fill(const fs::path& file) {
  const std::string rest(static_cast<std::size_t>(fs::space(file.parent_path()).available), 'x');
  if (FILE* ballast = std::fopen(file.c_str(), "w")) {
    CHECK(std::fwrite(rest.data(), 1, rest.size(), ballast) == rest.size());
    std::fclose(ballast);
  }
}

}  // namespace

TEST_CASE("a full disk is met before the first byte of an Orbax checkpoint, and nothing is left on it") {
  for (const bool has_database : {true, false}) {
    for (const bool is_compressed : {true, false}) {
      const SmallDisk disk(64U << 10U);
      if (!disk.is_mounted()) {
        MESSAGE("skipped: this user cannot mount a file system");
        return;
      }
      std::vector<TensorInfo> infos;
      for (int i = 0; i < 3; ++i) infos.push_back({fmt::format("t{}", i), DType::U8, {29'000}});
      Diagnostics diags;
      const std::unique_ptr<TensorSink> sink = orbax_sink(disk.path(), form(has_database, is_compressed));
      CHECK(!sink->begin(infos, diags));
      check_found(diags, "R0809", "No space left on device");
      CHECK(fs::is_empty(disk.path()));
    }
  }
}

TEST_CASE("a disk that fills up while an Orbax checkpoint is finished leaves nothing") {
  for (const bool has_database : {true, false}) {
    const SmallDisk disk(64U << 10U);
    if (!disk.is_mounted()) {
      MESSAGE("skipped: this user cannot mount a file system");
      return;
    }
    const TensorInfo infos[] = {{"a", DType::U8, {20'000}}};
    Diagnostics diags;
    {
      const std::unique_ptr<TensorSink> sink = orbax_sink(disk.path(), form(has_database, false));
      REQUIRE(sink->begin(infos, diags));
      CHECK(sink->write(0, 0, std::vector<std::byte>(20'000), diags));
      fill(disk.path() / "ballast");
      CHECK(!sink->commit(diags));
      check_found(diags, "R0809", "No space left on device");
      CHECK(!fs::exists(disk.path() / "0"));
      fs::remove(disk.path() / "ballast");
    }
    CHECK(fs::is_empty(disk.path()));
  }
}

TEST_CASE("a limit on the size of files is met cleanly by an Orbax checkpoint") {
  const Scratch scratch;
  const TensorInfo infos[] = {{"a", DType::U8, {100'000}}};
  const auto before = std::signal(SIGXFSZ, SIG_IGN);  // a program that writes checkpoints ignores it
  Diagnostics diags;
  {
    const Limit limit(RLIMIT_FSIZE, 50'000);
    CHECK(!orbax_sink(scratch.path())->begin(infos, diags));
  }
  std::signal(SIGXFSZ, before);
  check_found(diags, "R0809", "File too large");
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("a limit on open files is met cleanly by an Orbax checkpoint") {
  const Scratch scratch;
  std::vector<TensorInfo> infos;
  for (int i = 0; i < 40; ++i) infos.push_back({fmt::format("t{}", i), DType::U8, {2000}});
  Diagnostics diags;
  {
    const Limit limit(RLIMIT_NOFILE, 24);
    CHECK(!orbax_sink(scratch.path(), form(false, false))->begin(infos, diags));
  }
  check_found(diags, "R0809", "Too many open files");
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("a folder that is not there or closed is told") {
  const Scratch scratch;
  const TensorInfo infos[] = {{"a", DType::U8, {4}}};
  fs::permissions(scratch.path(), fs::perms::all);
  fs::create_directory(scratch / "closed");
  fs::permissions(scratch / "closed",
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  Diagnostics absent, closed;
  CHECK(!orbax_sink(scratch / "absent")->begin(infos, absent));
  {
    const Nobody nobody;
    CHECK(!orbax_sink(scratch / "closed")->begin(infos, closed));
  }
  check_found(absent, "R0809", "absent/0.orbax-checkpoint-tmp`: No such file or directory");
  check_found(closed, "R0809", "closed/0.orbax-checkpoint-tmp`: Permission denied");
}

TEST_CASE("a name that is too long for a folder is told, and leaves nothing") {
  const Scratch scratch;
  const TensorInfo infos[] = {{"a", DType::U8, {4}}, {std::string(300, 'n'), DType::U8, {4}}};
  Diagnostics diags;
  CHECK(!orbax_sink(scratch.path(), form(false, false))->begin(infos, diags));
  check_found(diags, "R0809", "File name too long");
  CHECK(fs::is_empty(scratch.path()));
  const Scratch other;
  CHECK(orbax_sink(other.path(), form(true, false))->begin(infos, diags));
}

}  // namespace rulec::orbax_sink_faults_test
