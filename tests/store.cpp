// SPDX-License-Identifier: Apache-2.0
// Reading: the memory store, and files that the format's own writer made.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "grammar/internal_error.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

#include <rulec/store.h>

namespace rulec::store_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

const fs::path Data = fs::path(RULEC_TESTS_DIR) / "data/safetensors";

std::vector<std::byte> bytes_of(const TensorStore& store, std::size_t index) {
  std::vector<std::byte> bytes(store.tensors()[index].bytes());
  Diagnostics diags;
  REQUIRE_MESSAGE(store.read(index, 0, bytes, diags), render_text(diags));
  return bytes;
}

// What make.py fills a tensor with.
std::vector<std::byte> made_bytes(const TensorInfo& info) {
  const int salt =
      std::accumulate(info.name.begin(), info.name.end(), 0, [](int sum, unsigned char c) { return sum + c; });
  std::vector<std::byte> bytes(info.bytes());
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    bytes[k] = static_cast<std::byte>((31 * static_cast<int>(k) + salt) % (info.dtype == DType::Bool ? 2 : 256));
  }
  return bytes;
}

}  // namespace

TEST_CASE("the memory store keeps tensors by name") {
  MemoryStore store;
  store.put({"b", DType::U8, {2}}, {std::byte{1}, std::byte{2}});
  store.put({"a", DType::U8, {}}, {std::byte{3}});
  store.put({"b", DType::U8, {3}}, {std::byte{4}, std::byte{5}, std::byte{6}});
  REQUIRE(store.tensors().size() == 2);
  CHECK(store.tensors()[0] == TensorInfo{"a", DType::U8, {}});
  CHECK(store.tensors()[1] == TensorInfo{"b", DType::U8, {3}});
  CHECK(find_tensor(store.tensors(), "b") == 1);
  CHECK(!find_tensor(store.tensors(), "c"));
  CHECK(store.bytes("c").empty());
  std::byte part[2] = {};
  Diagnostics diags;
  CHECK(store.read(1, 1, part, diags));
  CHECK(part[0] == std::byte{5});
  CHECK(part[1] == std::byte{6});
  CHECK_THROWS_AS((void)store.read(1, 2, part, diags), InternalError);
  CHECK_THROWS_AS(store.put({"d", DType::F32, {1}}, {std::byte{1}}), InternalError);
}

TEST_CASE("what is written into the memory store is seen when it is committed") {
  MemoryStore store;
  Diagnostics diags;
  const TensorInfo infos[] = {{"z", DType::U8, {2}}, {"y", DType::U8, {1}}};
  const std::byte numbers[] = {std::byte{1}, std::byte{2}};
  CHECK(store.begin(infos, diags));
  CHECK(store.write(0, 1, std::span(numbers).last(1), diags));
  CHECK(store.write(0, 0, std::span(numbers).first(1), diags));
  CHECK(store.write(1, 0, std::span(numbers).first(1), diags));
  CHECK(store.tensors().empty());
  CHECK(store.commit(diags));
  REQUIRE(store.tensors().size() == 2);
  CHECK(store.tensors()[0].name == "y");
  CHECK(std::ranges::equal(store.bytes("z"), numbers));
}

TEST_CASE("files of the format's own writer are read") {
  for (const char* name : {"empty", "dtypes", "shapes", "names", "shards"}) {
    INFO(std::string(name));
    const fs::path file = Data / fmt::format("{}.safetensors", name);
    const std::unique_ptr<TensorStore> store = opened_silently(fs::exists(file) ? file : Data / name);
    CHECK(std::ranges::is_sorted(store->tensors(), {}, &TensorInfo::name));
    for (std::size_t i = 0; i < store->tensors().size(); ++i) {
      INFO(store->tensors()[i].name);
      CHECK(bytes_of(*store, i) == made_bytes(store->tensors()[i]));
    }
  }
}

TEST_CASE("the catalogue says what the writer was told") {
  CHECK(opened_silently(Data / "empty.safetensors")->tensors().empty());
  const auto dtypes = opened_silently(Data / "dtypes.safetensors");
  CHECK(dtypes->tensors().size() == 40);
  const std::optional<std::size_t> f4 = find_tensor(dtypes->tensors(), "b.float4_e2m1fn_x2");
  REQUIRE(f4);
  CHECK(dtypes->tensors()[*f4] == TensorInfo{"b.float4_e2m1fn_x2", DType::F4, {2, 4}});
  const auto shapes = opened_silently(Data / "shapes.safetensors");
  REQUIRE(shapes->tensors().size() == 6);
  CHECK(shapes->tensors()[0] == TensorInfo{"cube", DType::Bf16, {2, 3, 4}});
  CHECK(shapes->tensors()[1] == TensorInfo{"hollow", DType::Bf16, {3, 0, 2}});
  CHECK(shapes->tensors()[4] == TensorInfo{"scalar", DType::Bf16, {}});
  const auto names = opened_silently(Data / "names.safetensors");
  CHECK(find_tensor(names->tensors(), std::string_view("nul\0", 4)));
  CHECK(find_tensor(names->tensors(), "\b\f\n\r\t"));
  CHECK(find_tensor(names->tensors(), ""));
}

TEST_CASE("a folder is read by its index, its model file or its only file") {
  const Scratch scratch;
  const std::string file = read_file(Data / "shapes.safetensors");
  scratch.write("only/weights.safetensors", file);
  scratch.write("only/config.json", "{}");
  scratch.write("model/model.safetensors", file);
  scratch.write("model/other.safetensors", "not opened");
  for (const char* name : {"only", "model"}) {
    const auto store = opened_silently(scratch / name);
    CHECK(store->tensors().size() == 6);
  }
  CHECK(opened_silently(Data / "shards")->where() == (Data / "shards").string());
  CHECK(opened_silently(Data / "shards/model.safetensors.index.json")->tensors().size() == 7);
}

TEST_CASE("parts of a tensor are read where they lie") {
  const auto store = opened_silently(Data / "shapes.safetensors");
  const std::vector<std::byte> whole = bytes_of(*store, 0);
  Diagnostics diags;
  for (std::size_t offset = 0; offset <= whole.size(); ++offset) {
    std::vector<std::byte> part((whole.size() - offset) / 2);
    CHECK(store->read(0, offset, part, diags));
    CHECK(std::ranges::equal(part, std::span(whole).subspan(offset, part.size())));
  }
}

}  // namespace rulec::store_test
