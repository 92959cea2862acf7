// SPDX-License-Identifier: Apache-2.0
// What an embedding program may rely on: one `Diagnostics` for each call or thread, no exception but its own mistakes,
// and stores that take tensors as they come.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/trial/random_model.h"
#include "tests/scratch.h"

#include <rulec/rulec.h>

namespace rulec::api_test {
namespace {

constexpr std::string_view Rules = R"(pack p : maxtext -> hf
config hf { D = hidden_size
  F = intermediate_size }
wi : [D F] -> gate : [F D]
odd : [D] -> other when D % F == 0
)";

/// A pack on disk, loaded with a `Diagnostics` that is gone by now, as its files are.
RulePack loaded(std::string_view rules = Rules) {
  const testing::Scratch scratch;
  Diagnostics gone;
  Result<RulePack> pack = load_pack(scratch.write("p.rules", rules).string(), gone);
  INFO(render_text(gone));
  REQUIRE(pack);
  return *std::move(pack);
}

Model bound(const RulePack& pack) {
  const testing::Scratch scratch;
  BindOptions options;
  options.configs["hf"] = scratch.write("config.json", R"({"hidden_size": 3, "intermediate_size": 2})");
  Diagnostics gone;
  Result<Model> model = bind(pack, options, gone);
  INFO(render_text(gone));
  REQUIRE(model);
  return *std::move(model);
}

MemoryStore gate() {
  MemoryStore store;
  store.put({"gate", DType::F32, {2, 3}}, encode({1, 2, 3, 4, 5, 6}, DType::F32));
  return store;
}

bool says(const Diagnostics& diags, std::string_view text) {
  return render_text(diags).find(text) != std::string::npos;
}

/// Throws where it is told to.
class ThrowingStore final : public TensorStore {
 public:
  std::span<const TensorInfo> tensors() const override {
    if (in_tensors) throw std::runtime_error("no catalogue today");
    return store_.tensors();
  }
  Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override {
    if (in_read) throw 17;  // NOLINT: not every exception is a std::exception
    if (without_memory) throw std::bad_alloc();
    return store_.read(index, offset, into, diags);
  }
  std::string_view where() const override { return "the caller's"; }

  bool in_tensors = false;
  bool in_read = false;
  bool without_memory = false;

 private:
  MemoryStore store_ = gate();
};

}  // namespace

TEST_CASE("A pack shows its lines in any Diagnostics, whichever it was loaded with") {
  const RulePack pack = loaded();
  Diagnostics diags;
  CHECK(!bind(pack, {}, diags));  // no sizes
  INFO(render_text(diags));
  CHECK(says(diags, "p.rules:2:17"));
  CHECK(says(diags, "config hf { D = hidden_size"));
  CHECK(render_json(diags).find("p.rules") != std::string::npos);

  Diagnostics of_check;
  CHECK(!check(pack, {}, of_check));
  CHECK(says(of_check, "config hf { D = hidden_size"));
}

TEST_CASE("So does a model") {
  const Model model = bound(loaded());
  Diagnostics of_explain;
  const Result<std::string> text = explain(model, "gate", of_explain);
  REQUIRE(text);
  CHECK(text->find("p.rules:4:1") != std::string::npos);
  CHECK(text->find("wi : [D F] -> gate : [F D]") != std::string::npos);

  Diagnostics of_classes;
  const Result<std::vector<RuleClass>> rows = classes(model, of_classes);
  REQUIRE(rows);
  REQUIRE(rows->size() == 1);
  CHECK(of_classes.sources()[rows->front().rule.source].position(rows->front().rule.begin).line == 4);

  MemoryStore target;
  Diagnostics of_convert;
  CHECK(convert(model, "maxtext", gate(), target, {}, of_convert));

  Diagnostics of_test;
  std::vector<std::string> lines;
  CHECK(test(loaded(), lines, of_test));
}

TEST_CASE("A tensor argument is explained with its own hooks") {
  const Model model = bound(loaded(R"(pack p : maxtext -> hf
config hf { D = hidden_size
  F = intermediate_size }
hook e8m0 = cast(f32) | sub(127) | exp2
wi : [D F] <= gate : [F D] | mul(scales : [F] | e8m0)
)"));
  Diagnostics diags;
  const Result<std::string> text = explain(model, "wi", diags);
  REQUIRE(text);
  CHECK(text->find("x | mul(tensor 0)") != std::string::npos);
  CHECK(text->find("tensor 0 is scales  [2] | cast(f32) | sub(127) | exp2\n") != std::string::npos);
}

TEST_CASE("Threads share a pack and a model, each with its own Diagnostics") {
  const RulePack pack = loaded();
  const Model model = bound(pack);
  std::vector<std::string> said(4);
  std::vector<std::thread> threads;
  for (std::string& text : said) {
    threads.emplace_back([&] {
      Diagnostics diags;
      (void)bind(pack, {}, diags);
      (void)explain(model, "gte", diags);
      text = render_text(diags);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(said[0].find("config hf { D = hidden_size") != std::string::npos);
  for (const std::string& text : said) CHECK(text == said[0]);
}

TEST_CASE("A text stays where it is when others come") {
  Diagnostics diags;
  const Source& first = diags.sources()[diags.sources().add("first", "1")];
  for (int i = 0; i < 100; ++i) diags.sources().add("more", "2");
  CHECK(first.text() == "1");
}

TEST_CASE("A finding that was carried elsewhere is shown without its lines") {
  const RulePack pack = loaded();
  Diagnostics diags;
  CHECK(!bind(pack, {}, diags));
  Diagnostics elsewhere;
  elsewhere.add(diags.all().front());
  CHECK(render_text(elsewhere).starts_with("error[R0201"));
  CHECK(render_json(elsewhere).find("R0201") != std::string::npos);
}

TEST_CASE("The value of a failed Result is refused in every build") {
  Diagnostics diags;
  const Result<RulePack> none = load_pack("no/such.rules", diags);
  REQUIRE(!none);
  CHECK_THROWS_AS((void)none->name(), std::logic_error);
}

TEST_CASE("What the caller's code throws is the caller's, and ends at the API") {
  const Model model = bound(loaded());
  MemoryStore target;
  SUBCASE("on_progress") {
    ConvertOptions options;
    options.on_progress = [](const Progress&) { throw std::runtime_error("the window is closed"); };
    Diagnostics diags;
    CHECK(!convert(model, "maxtext", gate(), target, options, diags));
    CHECK(says(diags, "error[R0905 caller-failed]"));
    CHECK(says(diags, "`ConvertOptions::on_progress` threw an exception: the window is closed"));
    CHECK(target.tensors().empty());
  }
  SUBCASE("on_progress, what is no std::exception") {
    ConvertOptions options;
    options.on_progress = [](const Progress&) { throw "a string"; };
    Diagnostics diags;
    CHECK(!convert(model, "maxtext", gate(), target, options, diags));
    CHECK(says(diags, "`ConvertOptions::on_progress` threw something that is no std::exception"));
  }
  SUBCASE("a store") {
    ThrowingStore store;
    store.in_read = true;
    Diagnostics diags;
    CHECK(!convert(model, "maxtext", store, target, {}, diags));
    CHECK(!diff(store, gate(), nullptr, diags));
    CHECK(says(diags, "R0905"));
    CHECK(says(diags, "`TensorStore::read` threw"));
  }
  SUBCASE("a catalogue") {
    ThrowingStore store;
    store.in_tensors = true;
    BindOptions options;
    options.checkpoints["hf"] = &store;
    Diagnostics diags;
    CHECK(!bind(loaded(), options, diags));
    CHECK(!check(loaded(), options, diags));
    CHECK(!fitting_packs(store, {}, diags));
    CHECK(diags.errors() == 3);
    for (const Diagnostic& one : diags.all()) CHECK(one.id == "R0905");
  }
}

TEST_CASE("A checkpoint that is a null pointer is told, not followed") {
  BindOptions options;
  options.checkpoints["hf"] = nullptr;
  Diagnostics diags;
  CHECK(!bind(loaded(), options, diags));
  CHECK(says(diags, "R0905"));
  CHECK(says(diags, "null pointer for the side `hf`"));
}

TEST_CASE("Memory that runs out is no bug") {
  const Model model = bound(loaded());
  ThrowingStore store;
  store.without_memory = true;
  MemoryStore target;
  Diagnostics diags;
  CHECK(!convert(model, "maxtext", store, target, {}, diags));
  CHECK(says(diags, "error[R0906 out-of-memory]"));
}

TEST_CASE("A memory store takes names in any order without taking longer") {
  constexpr int Count = 80'000;
  MemoryStore store;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < Count; ++i) {
    const int shuffled = static_cast<int>(static_cast<std::int64_t>(i) * 48'271 % Count);
    store.put({"t" + std::to_string(shuffled), DType::U8, {1}}, std::vector<std::byte>(1));
  }
  CHECK(store.tensors().size() == Count);
  // It took 15 s to insert each at its place, and takes 0.1 s; sanitizers are slow.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  CHECK(std::ranges::is_sorted(store.tensors(), {}, &TensorInfo::name));

  store.put({"a", DType::U8, {2}}, std::vector<std::byte>(2));
  store.put({"a", DType::U8, {3}}, std::vector<std::byte>(3));
  CHECK(store.tensors().size() == Count + 1);
  CHECK(store.tensors()[0] == TensorInfo{"a", DType::U8, {3}});
  const MemoryStore copy = store;
  CHECK(copy.tensors().size() == Count + 1);
  CHECK(copy.bytes("a").size() == 3);
}

TEST_CASE("A program files messages of the catalogue by their ids") {
  Diagnostics diags;
  const Status failed =
      report(diags, FilePlace{"a.bin", {}}, "R0801", {"a.bin", "no such file"}).help("look elsewhere");
  CHECK(!failed);
  CHECK(says(diags, "error[R0801 cannot-read]: cannot read `a.bin`: no such file"));
  CHECK(says(diags, "= help: look elsewhere"));
  report(diags, {}, "R0906", {});
  CHECK(says(diags, "there is not enough memory"));
  CHECK_THROWS_AS(report(diags, {}, "R0801", {"a.bin"}), std::logic_error);
  CHECK_THROWS_AS(report(diags, {}, "R0906", {"much"}), std::logic_error);
  CHECK_THROWS_AS(report(diags, {}, "R9999", {}), std::logic_error);
}

}  // namespace rulec::api_test
