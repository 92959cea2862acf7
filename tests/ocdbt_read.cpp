// SPDX-License-Identifier: Apache-2.0
// Databases that TensorStore and Orbax wrote, against what they have in them.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "engine/ocdbt/write_database.h"
#include "tests/ocdbt_checks.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::ocdbt_read_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

struct Known {
  std::string_view name;
  std::size_t keys;
  std::uint32_t digest;  // of what TensorStore lists
};

constexpr Known Databases[] = {
    {"ocdbt_deep_tiny_nodes", 60, 0xFD5544A4},
    {"ocdbt_empty_after_delete", 0, 0x00000000},
    {"ocdbt_empty_key_and_value", 2, 0x4BC80B21},
    {"ocdbt_height2_inline", 1500, 0x06E64FB9},
    {"ocdbt_height3_out_of_line", 1200, 0xD0243B9F},
    {"ocdbt_numbered_manifest", 18, 0x99B83817},
    {"ocdbt_uncompressed_nodes", 500, 0x11A8C4AC},
    {"ocdbt_versions_42", 38, 0x7999A1BE},
    {"ocdbt_versions_low_arity", 38, 0x26AB1C8E},
    {"ocdbt_zstd_level_9", 300, 0xEB1D2825},
    {"processes3_zarr3", 34, 0x5AE4E38A},
    {"several_data_files", 16, 0x3BE8E36D},
    {"tree_height2", 442, 0xBFCB7F21},
};

// Lets the process open no more files than this, to the end of the scope.
class FewFiles {
 public:
  explicit FewFiles(rlim_t count) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit lower{count, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
  }
  ~FewFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

 private:
  rlimit before_ = {};
};

}  // namespace

TEST_CASE("databases of TensorStore have the keys and values that it lists") {
  for (const Known& known : Databases) {
    INFO(std::string(known.name));
    const ocdbt::Database database = opened_database(orbax_data(known.name));
    CHECK(database.entries().size() == known.keys);
    CHECK_MESSAGE(digest(database) == known.digest, fmt::format("{:08x}", digest(database)));
    CHECK(std::ranges::is_sorted(database.entries(), {}, &ocdbt::Entry::key));
    CHECK(ocdbt::has_database(orbax_data(known.name)));
    CHECK(!ocdbt::has_database(orbax_data(known.name) / "d"));
  }
}

TEST_CASE("small databases have what safetensors says, byte by byte") {
  for (const std::string name : {"ocdbt_deep_tiny_nodes", "ocdbt_empty_after_delete", "ocdbt_empty_key_and_value",
                                 "ocdbt_numbered_manifest", "ocdbt_versions_42"}) {
    INFO(name);
    const ocdbt::Database database = opened_database(orbax_data(name));
    const std::unique_ptr<TensorStore> truth = opened_silently(orbax_data(name + ".safetensors"));
    REQUIRE(truth->tensors().size() == database.entries().size());
    std::map<std::string, std::string> all = contents(database);
    for (std::size_t i = 0; i < truth->tensors().size(); ++i) {
      const TensorInfo& tensor = truth->tensors()[i];
      Bytes expected(tensor.bytes());
      Diagnostics diags;
      REQUIRE(truth->read(i, 0, expected, diags));
      REQUIRE(all.contains(tensor.name));
      CHECK(all[tensor.name] == as_text(expected));
    }
  }
}

TEST_CASE("a merged database has what those of its processes have") {
  for (const std::string name : {"processes3_zarr3", "several_data_files"}) {
    INFO(name);
    const ocdbt::Database merged = opened_database(orbax_data(name));
    std::map<std::string, std::string> united;
    for (int process = 0; fs::exists(orbax_data(name) / fmt::format("ocdbt.process_{}", process)); ++process) {
      for (auto& [key, value] : contents(opened_database(orbax_data(name) / fmt::format("ocdbt.process_{}", process))))
        united[key] = std::move(value);
    }
    CHECK(!united.empty());
    CHECK(contents(merged) == united);
    const bool uses_processes = std::ranges::any_of(merged.files(), [](const InputFile& file) {
      return file.path().find("ocdbt.process_0/d/") != std::string::npos;
    });
    CHECK(uses_processes);
  }
}

TEST_CASE("keys are found, and others not") {
  const ocdbt::Database database = opened_database(orbax_data("ocdbt_deep_tiny_nodes"));
  for (const ocdbt::Entry& entry : database.entries()) {
    CHECK(database.find(entry.key) == &entry);
    CHECK(database.find(entry.key + '\0') == nullptr);
    CHECK(database.find(std::string_view(entry.key).substr(0, entry.key.size() - 1)) == nullptr);
  }
  CHECK(database.find("") == nullptr);
  CHECK(database.find("\xff") == nullptr);
}

TEST_CASE("any part of a value is read, from several threads at once") {
  for (const std::string_view name : {"ocdbt_deep_tiny_nodes", "ocdbt_versions_42"}) {
    const ocdbt::Database database = opened_database(orbax_data(name));
    const std::map<std::string, std::string> whole = contents(database);
    std::vector<std::size_t> wrong(4);
    std::vector<std::thread> threads;
    for (std::size_t& count : wrong) {
      threads.emplace_back([&] {
        Diagnostics diags;
        for (const ocdbt::Entry& entry : database.entries()) {
          const std::uint64_t begin = entry.length / 3;
          Bytes part(entry.length - begin - entry.length / 4);
          const bool is_read(database.read(entry, begin, part, diags));
          if (!is_read || as_text(part) != whole.at(entry.key).substr(begin, part.size())) ++count;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<std::size_t>(4));
  }
}

TEST_CASE("more data files than a process may open are read") {
  const FewFiles few(400);
  const Scratch scratch;
  std::vector<ocdbt::NewEntry> entries;
  for (int i = 0; i < 600; ++i) {
    const std::string name = fmt::format("d/{:03}", i);
    scratch.write(name, fmt::format("value {:03}", i));
    entries.push_back({fmt::format("{:03}", i), ocdbt::FileRange{name, 6, 3}});
  }
  Diagnostics diags;
  REQUIRE(ocdbt::write_database(scratch.path(), entries, {}, {}, diags));
  for (const auto& [key, value] : contents(opened_database(scratch.path()))) CHECK(key == value);
}

TEST_CASE("a data file that changes under the reader is noticed") {
  const Scratch scratch;
  fs::copy(orbax_data("ocdbt_deep_tiny_nodes"), scratch / "db", fs::copy_options::recursive);
  const ocdbt::Database database = opened_database(scratch / "db");
  for (const InputFile& file : database.files()) fs::resize_file(file.path(), file.size() + 1);
  Diagnostics diags;
  Bytes value(database.entries()[0].length);
  CHECK(!database.read(database.entries()[0], 0, value, diags));
  check_found(diags, "R0817", "changed");
}

}  // namespace rulec::ocdbt_read_test
