// SPDX-License-Identifier: Apache-2.0
// What is wrong with a folder and its index is told in one message; nothing crashes, and nothing waits.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::store_bad_folders_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

// A folder: what lies in `ckpt`, and what opening it says.
struct BadFolder {
  std::string_view name;
  std::function<void(const Scratch&)> build;
  std::string_view id;
  std::string_view words;
};

const std::string TensorA = safetensors(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 8);
const std::string TensorB = safetensors(R"({"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", 8);
constexpr std::string_view Index = "ckpt/model.safetensors.index.json";

std::string index_of(std::string_view weight_map) {
  return fmt::format(R"({{"weight_map":{}}})", weight_map);
}

// An index with this text beside the shard `a.safetensors`.
std::function<void(const Scratch&)> with_index(std::string text) {
  return [text = std::move(text)](const Scratch& scratch) {
    scratch.write("ckpt/a.safetensors", TensorA);
    scratch.write(Index, text);
  };
}

std::vector<BadFolder> index_rows() {
  using namespace std::string_literals;
  return {
      {"index is empty", with_index(""), "R0805", "unexpected end of input"},
      {"index is a list", with_index("[]"), "R0805", "it is a list, expected an object"},
      {"no weight_map", with_index("{}"), "R0805", "it has no `weight_map`"},
      {"weight_map is a list", with_index(index_of("[]")), "R0805", "`weight_map` is a list, expected an object"},
      {"weight_map is null", with_index(index_of("null")), "R0805", "`weight_map` is null"},
      {"weight_map twice", with_index(R"({"weight_map":{},"weight_map":{}})"), "R0805", "`weight_map` stands twice"},
      {"metadata is a list", with_index(R"({"metadata":[],"weight_map":{}})"), "R0805", "`metadata` is a list"},
      {"shard is null", with_index(index_of(R"({"a":null})")), "R0805",
       "the shard of `a` is null, expected a file name"},
      {"shard is an object", with_index(index_of(R"({"a":{"file":"x"}})")), "R0805", "the shard of `a` is an object"},
      {"tensor twice", with_index(index_of(R"({"a":"a.safetensors","\u0061":"a.safetensors"})")), "R0805",
       "tensor `a` stands twice"},
      {"index cut", with_index(R"({"weight_map":{"a":"a.safe)"), "R0805", "missing closing quote"},
      {"index nested deep", with_index("{\"x\":" + nested_lists(100'000) + "}"), "R0803", "nested 9 deep"},
      {"index with a byte order mark", with_index("\xEF\xBB\xBF{}"), "R0805", "byte order mark"},
      {"parent folder", with_index(index_of(R"({"a":"../a.safetensors"})")), "R0806", "`../a.safetensors` is a path"},
      {"absolute path", with_index(index_of(R"({"a":"/etc/passwd"})")), "R0806", "`/etc/passwd` is a path"},
      {"path that comes back", with_index(index_of(R"({"a":"x/../../b"})")), "R0806", "is a path"},
      {"drive", with_index(index_of(R"({"a":"C:\\x"})")), "R0806", "is a path"},
      {"host", with_index(index_of(R"({"a":"\\\\host\\x"})")), "R0806", "is a path"},
      {"two points", with_index(index_of(R"({"a":".."})")), "R0806", "`..` is a folder"},
      {"point", with_index(index_of(R"({"a":"."})")), "R0806", "`.` is a folder"},
      {"empty name", with_index(index_of(R"({"a":""})")), "R0806", "`` is empty"},
      {"NUL in a name", with_index(index_of(R"({"a":"a.safetensors\u0000"})")), "R0806", "control characters"},
      {"the index itself", with_index(index_of(R"({"a":"model.safetensors.index.json"})")), "R0802", "JSON text"},
      {"shard missing", with_index(index_of(R"({"a":"b.safetensors"})")), "R0807",
       "`b.safetensors`, which is not there"},
      {"name over 255 bytes", with_index(index_of(fmt::format(R"({{"a":"{}"}})", std::string(300, 'n')))), "R0801",
       "File name too long"},
      {"tensor in no shard", with_index(index_of(R"({"a":"a.safetensors","c":"a.safetensors"})")), "R0808",
       "tensor `c` is not in `a.safetensors`, where the index puts it"},
  };
}

std::function<void(const Scratch&)> with_link(const std::string& name, const std::string& target) {
  return [=](const Scratch& scratch) {
    scratch.write("outside.safetensors", TensorA);
    scratch.write(Index, index_of(R"({"a":"a.safetensors"})"));
    fs::create_symlink(target, scratch.path() / "ckpt" / name);
  };
}

void bind_socket(const fs::path& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  REQUIRE(path.string().size() < sizeof(address.sun_path));
  std::strcpy(address.sun_path, path.c_str());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
}

std::vector<BadFolder> folder_rows() {
  const std::string both = index_of(R"({"a":"a.safetensors","b":"b.safetensors"})");
  const auto shards = [both](const std::string& a, const std::string& b) {
    return [=](const Scratch& scratch) {
      scratch.write("ckpt/a.safetensors", a);
      scratch.write("ckpt/b.safetensors", b);
      scratch.write(Index, both);
    };
  };
  const auto in_place_of_shard = [](auto make) {
    return [=](const Scratch& scratch) {
      make((scratch.write(Index, index_of(R"({"a":"a.safetensors"})")).parent_path() / "a.safetensors").string());
    };
  };
  return {
      {"no folder", [](const Scratch&) {}, "R0801", "No such file or directory"},
      {"empty folder", [](const Scratch& s) { fs::create_directory(s / "ckpt"); }, "R0814",
       "there is no checkpoint in"},
      {"two files, no index",
       [](const Scratch& s) {
         s.write("ckpt/a.safetensors", TensorA);
         s.write("ckpt/b.safetensors", TensorB);
       },
       "R0814", "there is no checkpoint in"},
      {"shards exchanged", shards(TensorB, TensorA), "R0808",
       "tensor `a` is not in `a.safetensors`, where the index puts it; it is in `b.safetensors`"},
      {"tensor in two shards", shards(TensorA, TensorA), "R0808",
       "tensor `a` is in `a.safetensors` and in `b.safetensors`"},
      {"tensor that the index lacks",
       [](const Scratch& s) {
         s.write(
             "ckpt/a.safetensors",
             safetensors(
                 R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"z":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                 2));
         s.write(Index, index_of(R"({"a":"a.safetensors"})"));
       },
       "R0808", "tensor `z` is in `a.safetensors`, but the index does not list it"},
      {"one shard is broken", shards(TensorA, "xyz"), "R0802", "b.safetensors"},
      {"index of 65 MiB", [](const Scratch& s) { fs::resize_file(s.write(Index, ""), 65U << 20U); }, "R0803",
       "has 68157440 bytes, over the limit of 67108864"},
      {"shard is a link out of the folder", with_link("a.safetensors", "../outside.safetensors"), "R0806",
       "is a symbolic link out of the folder of the checkpoint"},
      {"shard is a link to a device", with_link("a.safetensors", "/dev/zero"), "R0806", "is a symbolic link out"},
      {"shard is a link to itself", with_link("a.safetensors", "a.safetensors"), "R0801",
       "Too many levels of symbolic links"},
      {"shard is a link to nothing", with_link("a.safetensors", "gone.safetensors"), "R0807",
       "`a.safetensors`, which is not there"},
      {"index is a link out of the folder",
       [](const Scratch& s) {
         s.write("index.json", index_of("{}"));
         fs::create_directory(s / "ckpt");
         fs::create_symlink("../index.json", s / std::string(Index));
       },
       "R0806", "is a symbolic link out"},
      {"shard is a pipe",
       in_place_of_shard([](const std::string& path) { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }), "R0806",
       "is a pipe, not a regular file"},
      {"shard is a folder", in_place_of_shard([](const std::string& path) { fs::create_directory(path); }), "R0806",
       "is a folder, not a regular file"},
      {"shard is a socket", in_place_of_shard([](const std::string& path) { bind_socket(path); }), "R0806",
       "is no regular file"},
      {"model is a pipe",
       [](const Scratch& s) {
         fs::create_directory(s / "ckpt");
         REQUIRE(::mkfifo((s / "ckpt/model.safetensors").c_str(), 0600) == 0);
       },
       "R0806", "is a pipe"},
  };
}

void check_folders(const std::vector<BadFolder>& rows) {
  for (const BadFolder& row : rows) {
    INFO(std::string(row.name));
    const Scratch scratch;
    row.build(scratch);
    Diagnostics diags;
    CHECK(!open_store(scratch / "ckpt", diags));
    check_found(diags, row.id, row.words);
    CHECK(diags.errors() > 0);
  }
}

// Warnings that a checkpoint is read with.
struct Odd {
  std::string_view name;
  std::function<void(const Scratch&)> build;
  std::string_view id;
  std::string_view words;
};

std::vector<Odd> odd_rows() {
  const auto model = [](std::string bytes) {
    return [bytes = std::move(bytes)](const Scratch& s) { s.write("ckpt/model.safetensors", bytes); };
  };
  return {
      {"blank before the header", model(safetensors(R"( {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1)),
       "R0816", "blanks stand before the header's `{`"},
      {"member that nobody knows",
       model(one_tensor(R"("dtype":"U8","shape":[8],"data_offsets":[0,8],"note":{"deep":[1,2]})")), "R0816",
       "tensor `t` has a member `note`"},
      {"shard that the index does not name",
       [](const Scratch& s) {
         with_index(index_of(R"({"a":"a.safetensors"})"))(s);
         s.write("ckpt/model.safetensors", "not read");
       },
       "R0812", "`model.safetensors` is in the folder, but the index does not name it"},
      {"index of no tensor", with_index(index_of("{}")), "R0812", "`a.safetensors`"},
      {"total_size wrong", with_index(R"({"metadata":{"total_size":9},"weight_map":{"a":"a.safetensors"}})"), "R0813",
       "the index says 9 bytes, its tensors have 8"},
      {"total_size wrong, with a point",
       with_index(R"({"metadata":{"total_size":9.0},"weight_map":{"a":"a.safetensors"}})"), "R0813",
       "the index says 9 bytes"},
      {"total_size is a string", with_index(R"({"metadata":{"total_size":"8"},"weight_map":{"a":"a.safetensors"}})"),
       "R0816", "`total_size` is the string `8`, expected a whole number"},
      {"total_size is huge", with_index(R"({"metadata":{"total_size":1e300},"weight_map":{"a":"a.safetensors"}})"),
       "R0816", "`total_size` is the number `1e300`"},
  };
}

}  // namespace

TEST_CASE("a folder with a bad index is refused") {
  check_folders(index_rows());
}
TEST_CASE("a folder whose files are not the checkpoint is refused, and without waiting") {
  check_folders(folder_rows());
}

TEST_CASE("what readers let pass is read with a warning") {
  for (const Odd& row : odd_rows()) {
    INFO(std::string(row.name));
    const Scratch scratch;
    row.build(scratch);
    Diagnostics diags;
    CHECK_MESSAGE(open_store(scratch / "ckpt", diags), render_text(diags));
    check_found(diags, row.id, row.words);
    CHECK(diags.warnings() == 1);
  }
}

TEST_CASE("links within the folder and of Hugging Face's cache are followed") {
  const Scratch scratch;
  scratch.write("models--x/blobs/0123", TensorA);
  fs::create_directories(scratch / "models--x/snapshots/main");
  fs::create_symlink("../../blobs/0123", scratch / "models--x/snapshots/main/model.safetensors");
  opened_silently(scratch / "models--x/snapshots/main");
  scratch.write("ckpt/files/a", TensorA);
  fs::create_symlink("files/a", scratch / "ckpt/model.safetensors");
  opened_silently(scratch / "ckpt");
  fs::create_symlink("ckpt", scratch / "link");
  opened_silently(scratch / "link");
  opened_silently(scratch / "link/model.safetensors");
}

}  // namespace rulec::store_bad_folders_test
