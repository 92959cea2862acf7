// SPDX-License-Identifier: Apache-2.0
// Manifests, folders and paths that are no database, or none to be opened.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <string>

#include "engine/codec/crc32c.h"
#include "engine/ocdbt/envelope.h"
#include "tests/ocdbt_sample.h"
#include "tests/store_checks.h"

namespace rulec::ocdbt_bad_folders_test {

using namespace testing;
using ocdbt::ByteWriter;
namespace fs = std::filesystem;

namespace {

struct Row {
  std::string_view name;
  std::function<void(const Scratch&)> build;
  std::string_view id;
  std::string_view words;
};

void check_refused(const Row& row) {
  INFO(std::string(row.name));
  const Scratch scratch;
  row.build(scratch);
  Diagnostics diags;
  CHECK(!ocdbt::Database::open(scratch.path(), diags));
  check_found(diags, row.id, row.words);
}

Bytes small_leaf() {
  return ocdbt::encode_node(leaf_of({"a"}));
}

using Change = std::function<void(ocdbt::Manifest&)>;

// A database whose manifest was changed.
std::function<void(const Scratch&)> with(const Change& change) {
  return [change](const Scratch& scratch) {
    Sample sample(small_leaf());
    change(sample.manifest);
    sample.write(scratch);
  };
}

// One whose manifest's body has these bytes from `at` on, or ends there.
std::function<void(const Scratch&)> patched(std::size_t at, std::string_view bytes) {
  return [at, text = std::string(bytes)](const Scratch& scratch) {
    const Sample sample(small_leaf());
    std::string body = as_text(ocdbt::encode_manifest(sample.manifest));
    if (text.empty()) body.resize(at);
    sample.write(scratch, as_bytes(body.replace(at, text.size(), text)));
  };
}

// One whose manifest file has these bytes from `at` on, and the right checksum for them.
std::function<void(const Scratch&)> resealed(std::size_t at, std::string_view bytes) {
  return [at, text = std::string(bytes)](const Scratch& scratch) {
    Sample(small_leaf()).write(scratch);
    std::string file = read_file(scratch / "manifest.ocdbt");
    file.replace(at, text.size(), text);
    file.resize(file.size() - 4);
    file += as_text(written([&](ByteWriter& out) { out.u32le(crc32c(std::as_bytes(std::span(file)))); }));
    scratch.write("manifest.ocdbt", file);
  };
}

std::function<void(const Scratch&)> with_file(std::string_view bytes) {
  return [text = std::string(bytes)](const Scratch& scratch) { scratch.write("manifest.ocdbt", text); };
}

// Versions of these generations.
Change generations(const std::vector<std::uint64_t>& numbers) {
  return [numbers](ocdbt::Manifest& manifest) {
    const ocdbt::Version version = manifest.versions[0];
    manifest.versions.clear();
    for (const std::uint64_t number : numbers) {
      manifest.versions.push_back(version);
      manifest.versions.back().generation = number;
    }
  };
}

// A database whose one value lies in this file.
std::function<void(const Scratch&)> value_in(const std::string& base, const std::string& relative) {
  return [=](const Scratch& scratch) { Sample(ocdbt::encode_node(leaf_of({base, relative}, 0, 1))).write(scratch); };
}

// The numbered manifest beside, of this name and changed; what `manifest.ocdbt` has is made to fit.
std::function<void(const Scratch&)> numbered(const std::string& name, const Change& change) {
  return [=](const Scratch& scratch) {
    Sample sample(small_leaf());
    change(sample.manifest);
    sample.write(scratch);
    if (!name.empty()) fs::rename(scratch / "manifest.ocdbt", scratch / name);
    Sample first;
    first.manifest.configuration.is_numbered = true;
    scratch.write("manifest.ocdbt",
                  as_text(ocdbt::seal_envelope(ocdbt::encode_manifest(first.manifest), ocdbt::Magic::Manifest, {})));
  };
}

}  // namespace

TEST_CASE("folders without a whole manifest are refused") {
  const Row rows[] = {
      {"nothing", [](const Scratch&) {}, "R0820", "it has no `manifest.ocdbt`"},
      {"processes that were never merged",
       [](const Scratch& s) {
         for (int i = 0; i < 3; ++i) s.write(fmt::format("ocdbt.process_{}/manifest.ocdbt", i), "");
       },
       "R0820", "only those of 3 processes, in `ocdbt.process_0...`"},
      {"an empty file", with_file(""), "R0820", "it has 0 bytes, expected 18 or more"},
      {"another file", with_file("some text that is no manifest"), "R0820",
       "it begins with 736f6d65, expected 0cdb3a2a"},
      {"a pointer of Git LFS", with_file("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 113\n"),
       "R0811", "is a Git LFS pointer"},
      {"a folder", [](const Scratch& s) { fs::create_directories(s / "manifest.ocdbt"); }, "R0806", "is a folder"},
      {"a pipe", [](const Scratch& s) { CHECK(::mkfifo((s / "manifest.ocdbt").c_str(), 0600) == 0); }, "R0806",
       "is a pipe"},
      {"a link out of the folder", [](const Scratch& s) { fs::create_symlink("/dev/zero", s / "manifest.ocdbt"); },
       "R0806", "is a symbolic link out"},
      {"a length too large", resealed(4, "\xff"), "R0820", "its length is 255"},
      {"a length of 2^64 - 1", resealed(4, "\xff\xff\xff\xff\xff\xff\xff\xff"), "R0820",
       "its length is 18446744073709551615"},
      {"version 1", resealed(12, "\x01"), "R0820", "the version of the format is 1, expected 0"},
      {"version 2^32", resealed(12, "\x80\x80\x80\x80\x10"), "R0820", "the version of the format is 4294967296"},
      {"compression 2", resealed(13, "\x02"), "R0820", "the compression is 2, expected 1 or less"},
      {"zstd that is none", resealed(13, "\x01"), "R0820", "no zstd frame"},
      {"numbered, and no number", numbered("", [](auto&) {}), "R0820", "there is no `manifest.0...` beside it"},
      {"numbered twice", numbered("manifest.0000000000000001", [](auto& m) { m.configuration.is_numbered = true; }),
       "R0820", "it is itself of the numbered kind"},
      {"numbered, of another database",
       numbered("manifest.0000000000000001", [](auto& m) { m.configuration.uuid[3] = std::byte{1}; }), "R0820",
       "its uuid is not that of `manifest.ocdbt`"},
      {"numbered, with a name of capitals", numbered("manifest.000000000000000A", [](auto&) {}), "R0820",
       "there is no `manifest.0...` beside it"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("what is no folder is refused") {
  const Scratch scratch;
  Diagnostics diags;
  CHECK(!ocdbt::Database::open(scratch / "gone", diags));
  check_found(diags, "R0801", "No such file");
  CHECK(!ocdbt::Database::open(scratch.write("file", ""), diags));
  check_found(diags, "R0801", "Not a directory");
}

TEST_CASE("of a data file that is missing, it is said who names it and what to do") {
  const Scratch scratch;
  value_in("", "d/gone")(scratch);
  Diagnostics diags;
  CHECK(!ocdbt::Database::open(scratch.path(), diags));
  check_found(diags, "R0801", "No such file or directory");
  const std::string text = render_text(diags);
  CHECK(text.find("note: the database names it as one of its data files") != std::string::npos);
  CHECK(text.find("fetch it again") != std::string::npos);
}

TEST_CASE("manifests with right checksums and wrong contents are refused") {
  constexpr std::size_t Kind = 16;
  constexpr std::size_t Arity = Kind + 1 + 2 + 4;  // behind two numbers of two and four bytes
  const Row rows[] = {
      {"kind 2", patched(Kind, "\x02"), "R0820", "the kind of the manifest is 2, expected 0 or 1"},
      {"arity 1", patched(Arity, std::string_view("\0", 1)), "R0820", "the arity of the version tree is 2^0"},
      {"arity 2^17", patched(Arity, "\x11"), "R0820", "the arity of the version tree is 2^17"},
      {"compression 2", patched(Arity + 1, "\x02"), "R0820", "the compression is 2"},
      {"cut off in the uuid", patched(7, ""), "R0820", "the uuid takes 16 bytes, 7 are left"},
      {"cut off before the versions", patched(Arity + 2, ""), "R0820", "the number of data files takes 1 bytes"},
      {"no version", with(generations({})), "R0820", "there is no version"},
      {"generation 0", with(generations({0})), "R0820", "a generation is 0"},
      {"generations that fall", with(generations({3, 2})), "R0820", "generation 2 follows generation 3"},
      {"generations that stay", with(generations({3, 3})), "R0820", "generation 3 follows generation 3"},
      {"generations of two nodes", with(generations({16, 17})), "R0820", "generation 17 follows generation 16"},
      {"more versions than a node has", with(generations(std::vector<std::uint64_t>(17, 1))), "R0820",
       "the number of versions is 17, expected 16 or less"},
      {"a root in no file", with([](auto& m) { m.versions[0].root.node.file = 1; }), "R0820",
       "a range lies in data file 1 of 1"},
      {"keys and no root", with([](auto& m) {
         m.versions[0].root.node = ocdbt::MissingNode;
         m.versions[0].root.keys = 1;
       }),
       "R0820", "a version has keys and no root"},
      {"a missing root but for its length", with([](auto& m) { m.versions[0].root.node.offset = ~std::uint64_t{0}; }),
       "R0820", "ends beyond 2^63"},
      {"another height", with([](auto& m) { m.versions[0].height = 1; }), "R0820", "its height is 0, expected 1"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("paths that leave the folder are refused") {
  const Row rows[] = {
      {"up", value_in("", "../../d/x"), "R0806", "leads out of the folder of the database"},
      {"up on the way", value_in("", "d/../../x"), "R0806", "leads out"},
      {"up and down again", value_in("", "d/../d/x"), "R0806", "leads out"},
      {"up by the base", value_in("../", "d/x"), "R0806", "leads out"},
      {"up by both", value_in(".", "./d/x"), "R0806", "leads out"},
      {"absolute", value_in("", "/etc/passwd"), "R0806", "is an absolute path"},
      {"absolute base", value_in("/etc/", "passwd"), "R0806", "is an absolute path"},
      {"nothing", value_in("", ""), "R0806", "is empty"},
      {"a line", value_in("", "d/x\ny"), "R0806", "has control characters"},
      {"a NUL", value_in("", std::string("d/x\0", 4)), "R0806", "has control characters"},
      {"a folder", value_in("", "d"), "R0806", "is a folder"},
      {"nodes up", with([](auto& m) { m.files[0].relative = "../d/x"; }), "R0806", "leads out"},
      {"a link to a file",
       [](const Scratch& s) {
         value_in("", "d/link")(s);
         fs::create_symlink("/etc/passwd", s / "d/link");
       },
       "R0806", "is a symbolic link out"},
      {"a link to a folder on the way",
       [](const Scratch& s) {
         value_in("", "etc/passwd")(s);
         fs::create_symlink("/etc", s / "etc");
       },
       "R0806", "is a symbolic link out"},
      {"a link to nothing",
       [](const Scratch& s) {
         value_in("", "d/link")(s);
         fs::create_symlink("gone", s / "d/link");
       },
       "R0801", "No such file"},
      {"a pipe",
       [](const Scratch& s) {
         value_in("", "d/pipe")(s);
         CHECK(::mkfifo((s / "d/pipe").c_str(), 0600) == 0);
       },
       "R0806", "is a pipe"},
  };
  for (const Row& row : rows) check_refused(row);
}

TEST_CASE("what looks odd and is right is opened") {
  const std::function<void(const Scratch&)> builds[] = {
      with([](auto&) {}),
      with(generations({5})),
      with(generations({17, 32})),
      with([](auto& m) { m.versions[0].commit_time = 0; }),
      with([](auto& m) { m.versions[0].root.keys = 1'000'000'000'000; }),  // nobody trusts it
      with([](auto& m) { m.configuration.max_inline_value_bytes = 0; }),
      with([](auto& m) { m.files.push_back({"gone/", "d/y"}); }),
      value_in("", "d//x"),
      value_in("d/", "x"),
      value_in("./", "d/x"),
      [](const Scratch& s) {
        value_in("d/..", "x")(s);
        s.write("d/..x", "0");
      },
      numbered("manifest.00000000000000ff", [](auto&) {}),
      [](const Scratch& s) {
        value_in("", "link/x")(s);
        fs::create_symlink("d", s / "link");
      },
  };
  for (const auto& build : builds) {
    const Scratch scratch;
    build(scratch);
    opened_database(scratch.path());
  }
}

TEST_CASE("links of Hugging Face's cache are followed, from any depth, and no others to `blobs`") {
  for (const std::string folder :
       {"models--x/snapshots/main", "models--x/snapshots/main/0/items", "models--x/other/main"}) {
    const Scratch scratch;
    Sample(small_leaf()).write(scratch);
    fs::create_directories(scratch / folder / "d");
    fs::create_directories(scratch / "models--x/blobs");
    fs::rename(scratch / "d/x", scratch / "models--x/blobs/01");
    fs::rename(scratch / "manifest.ocdbt", scratch / "models--x/blobs/02");
    fs::create_symlink(scratch / "models--x/blobs/01", scratch / folder / "d/x");
    fs::create_symlink(scratch / "models--x/blobs/02", scratch / folder / "manifest.ocdbt");
    Diagnostics diags;
    CHECK(bool(ocdbt::Database::open(scratch / folder, diags)) == (folder.find("snapshots") != std::string::npos));
  }
}

TEST_CASE("a value of no bytes needs no file") {
  const Scratch scratch;
  Sample(ocdbt::encode_node(leaf_of({"", ""}, 0, 0))).write(scratch);
  CHECK(contents(opened_database(scratch.path())) == std::map<std::string, std::string>{{"k", ""}});
}

TEST_CASE("the newest version counts, wherever it lies") {
  const Scratch scratch;
  Sample sample;
  const ocdbt::Extent newest = sample.node(ocdbt::encode_node(leaf_of({"new"})));
  sample.root(sample.node(ocdbt::encode_node(leaf_of({"old"}))));
  sample.root(newest);
  sample.write(scratch);
  CHECK(opened_database(scratch.path()).find("new") != nullptr);
  CHECK(opened_database(scratch.path()).entries().size() == 1);
}

TEST_CASE("the highest number counts of numbered manifests") {
  const Scratch scratch;
  numbered("manifest.0000000000000009", [](auto& m) { m.versions[0].root.node = ocdbt::MissingNode; })(scratch);
  CHECK(opened_database(scratch.path()).entries().empty());
  numbered("manifest.000000000000000a", [](auto&) {})(scratch);
  CHECK(opened_database(scratch.path()).entries().size() == 1);
}

TEST_CASE("a node of another database hands its base on") {
  const Scratch scratch;
  // What `below` has: a node over a leaf whose value is `234`.
  Sample below;
  ocdbt::Node node;
  node.height = 1;
  node.files = {{"", "d/x"}};
  node.children = {{"k", 0, {below.node(ocdbt::encode_node(leaf_of({"", "d/x"}, 2, 3)))}}};
  const ocdbt::Extent root_below = below.node(ocdbt::encode_node(node));
  scratch.write("below/d/x", below.data);
  Sample above;
  node.height = 2;
  node.files = {{"below/", "d/x"}};
  node.children = {{"p/", 2, {root_below}}};
  above.root(above.node(ocdbt::encode_node(node)), 2);
  above.write(scratch);
  CHECK(contents(opened_database(scratch.path())) == std::map<std::string, std::string>{{"p/k", "234"}});
}

TEST_CASE("every data file that is missing is named, to a limit") {
  const Scratch scratch;
  ocdbt::Node node;
  for (int i = 0; i < 30; ++i) node.files.push_back({"", fmt::format("d/gone{:02}", i / 3)});
  node.files.erase(std::unique(node.files.begin(), node.files.end()), node.files.end());
  for (int i = 0; i < 30; ++i)
    node.entries.push_back({fmt::format("{:02}", i), ocdbt::Extent{static_cast<std::uint64_t>(i % 8), 0, 1}});
  Sample(ocdbt::encode_node(node)).write(scratch);
  Diagnostics diags;
  CHECK(!ocdbt::Database::open(scratch.path(), diags));
  CHECK(diags.errors() == 8);
}

}  // namespace rulec::ocdbt_bad_folders_test
