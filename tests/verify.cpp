// SPDX-License-Identifier: Apache-2.0
// Two checkpoints held against each other: what differs is found and named, however they are stored, cut and read.
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "grammar/messages.h"
#include "tests/chunked_memory.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"
#include "tests/verify_checks.h"

namespace rulec::verify_test {

using namespace testing;

TEST_CASE("What was converted is the same, both ways, however the two are stored and cut") {
  for (const char* scan : {"true", "false"}) {
    for (const DType dtype : {DType::Bf16, DType::F32}) {
      const Sides sides = sides_of(dtype, scan);
      for (unsigned seed = 0; seed < 10; ++seed) {
        const ChunkedMemory hf(sides.hf, seed);
        const ChunkedMemory maxtext(sides.maxtext, seed + 100);
        CHECK(is_same(verified(hf, maxtext, &sides.model)));
        CHECK(is_same(verified(hf, sides.maxtext, &sides.model)));
        CHECK(is_same(verified(sides.maxtext, ChunkedMemory(sides.maxtext, seed), &sides.model)));
        CHECK(is_same(verified(maxtext, ChunkedMemory(sides.maxtext, seed), nullptr)));
        // What comes back is what the class allows.
        const Verification back = verified(maxtext, hf, &sides.model);
        CHECK(back.tensors.size() == 6);
        for (const TensorVerdict& v : back.tensors)
          CHECK((v.difference == Difference::Same || v.difference == Difference::WithinClass));
      }
    }
  }
}

TEST_CASE("Checkpoints in files: safetensors, and Orbax in its forms") {
  const Sides sides = sides_of(DType::Bf16);
  const Scratch folder;
  Diagnostics diags;
  std::filesystem::create_directory(folder / "flat");
  const auto flat = safetensors_sink(folder / "flat");
  REQUIRE(convert(sides.model, "maxtext", sides.hf, *flat, {}, diags));
  CHECK(is_same(verified(sides.hf, *opened(folder / "flat"), &sides.model)));
  for (const bool is_compressed : {false, true}) {
    for (const std::uint64_t chunk_bytes : {100U, 1000000U}) {
      const Scratch orbax;
      OrbaxOptions options;
      options.is_compressed = is_compressed;
      options.chunk_bytes = chunk_bytes;
      const auto sink = orbax_sink(orbax.path(), options);
      REQUIRE(convert(sides.model, "maxtext", sides.hf, *sink, {}, diags));
      const auto made = opened(orbax.path());
      const Verification found = verified(sides.hf, *made, &sides.model);
      CHECK(verdict_of(found, "step").difference == Difference::OnlyB);
      CHECK(std::ranges::count(found.tensors, Difference::Same, &TensorVerdict::difference) == 3);
    }
  }
}

TEST_CASE("One bit anywhere is found, and named by its place and its rule") {
  const Sides sides = sides_of(DType::F32);
  struct Row {
    const char* tensor;
    std::size_t cell;
    const char* place;
    const char* rule;
  };
  const Row rows[] = {{"embedding", 0, "[0 0]: ", "p.rules:5"},
                      {"embedding", 191, "[31 5]: ", "p.rules:5"},
                      {"embedding", 100, "[16 4]: ", "p.rules:5"},
                      {"layers.wi", 0, "[0 0 0]: ", "p.rules:11"},
                      {"layers.wi", 179, "[5 2 9]: ", "p.rules:11"},
                      {"layers.wi", 45, "[1 1 5]: ", "p.rules:11"},
                      {"layers.wi", 30 * 4 + 10 * 2 + 3, "[4 2 3]: ", "p.rules:11"}};
  for (const Row& row : rows) {
    CAPTURE(row.place);
    MemoryStore flipped = sides.maxtext;
    std::vector<std::byte> bytes = copy_of(flipped, row.tensor);
    bytes[row.cell * 4 + 2] ^= std::byte{0x40};  // half, or a half more
    flipped.put(info_of(flipped, row.tensor), bytes);
    for (unsigned seed = 0; seed < 5; ++seed) {
      const Verification found = verified(ChunkedMemory(sides.hf, seed), ChunkedMemory(flipped, seed), &sides.model);
      for (const TensorVerdict& v : found.tensors) {
        if (v.name == row.tensor) continue;
        CHECK(v.difference == Difference::Same);
      }
      const TensorVerdict& v = verdict_of(found, row.tensor);
      CHECK(v.difference == Difference::Values);
      CHECK(v.cells == 1);
      CHECK_MESSAGE(v.first.starts_with(row.place), v.first);
      CHECK(v.worst == v.first);
      CHECK(v.rule == row.rule);
    }
  }
}

TEST_CASE("Of many differences the first is shown, and the worst, whatever the order they are met in") {
  const Sides sides = sides_of(DType::F32);
  MemoryStore wrong = sides.maxtext;
  std::vector<std::byte> bytes = copy_of(wrong, "layers.wi");
  for (const auto& [cell, change] : {std::pair(7, 1), std::pair(33, 3), std::pair(150, 3), std::pair(179, 2)}) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, bytes.data() + cell * 4, 4);
    bits += static_cast<std::uint32_t>(change);
    std::memcpy(bytes.data() + cell * 4, &bits, 4);
  }
  wrong.put(info_of(wrong, "layers.wi"), bytes);
  for (unsigned seed = 0; seed < 20; ++seed) {
    for (const int threads : {1, 4}) {
      VerifyOptions options;
      options.threads = threads;
      const Verification found =
          verified(ChunkedMemory(sides.hf, seed), ChunkedMemory(wrong, seed), &sides.model, options);
      const TensorVerdict& v = verdict_of(found, "layers.wi");
      CHECK(v.cells == 4);
      CHECK(v.worst_ulp == 3);
      CHECK(v.first.starts_with("[0 0 7]: "));
      CHECK(v.worst.starts_with("[1 0 3]: "));
      CHECK(v.fidelity == "exact");
    }
  }
}

TEST_CASE("A lossy rule is compared within its class, and no further") {
  const Sides sides = sides_of(DType::Bf16);
  const Verification found = verified(sides.maxtext, sides.hf, &sides.model);
  const TensorVerdict& within = verdict_of(found, "embed.weight");
  CHECK(within.difference == Difference::WithinClass);
  CHECK(within.cells > 0);
  CHECK(within.worst_ulp == 1);
  CHECK(within.rule == "p.rules:5");
  CHECK(within.fidelity.starts_with("stable (<= 1 ulp)"));
  CHECK(verdict_of(found, "0.gate").difference == Difference::Same);

  MemoryStore beyond = sides.hf;
  std::vector<std::byte> bytes = copy_of(beyond, "embed.weight");
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes.data() + 2 * 70, 2);
  bits ^= 4;  // three ulps or more, wherever the conversion left it
  std::memcpy(bytes.data() + 2 * 70, &bits, 2);
  beyond.put(info_of(beyond, "embed.weight"), bytes);
  const Verification wrong = verified(sides.maxtext, beyond, &sides.model);
  const TensorVerdict& v = verdict_of(wrong, "embed.weight");
  CHECK(v.difference == Difference::Values);
  CHECK(v.first.starts_with("[11 4]: "));
  CHECK(v.worst_ulp >= 3);
  // A cell that is moved only has no class.
  MemoryStore moved = sides.hf;
  bytes = copy_of(moved, "1.gate");
  bytes[0] ^= std::byte{1};
  moved.put(info_of(moved, "1.gate"), bytes);
  CHECK(verdict_of(verified(sides.maxtext, moved, &sides.model), "1.gate").difference == Difference::Values);
}

TEST_CASE("Numbers that were rounded to the other side's type are what comes of the trip") {
  const Model model = model_of("pack p : maxtext -> hf\nlet D = 4\na : [D] -> w\n");
  const MemoryStore hf = one(DType::F32, {4}, {0.1, 0.2, 0.3, 1}, "w");
  Diagnostics diags;
  MemoryStore maxtext;
  ConvertOptions to_bf16;
  to_bf16.dtype = DType::Bf16;
  REQUIRE(convert(model, "maxtext", hf, maxtext, to_bf16, diags));
  CHECK(is_same(verified(hf, maxtext, &model)));
  CHECK(verdict_of(verified(maxtext, hf, &model), "w").difference == Difference::WithinClass);
  const MemoryStore other = one(DType::F32, {4}, {0.1, 0.2, 0.4, 1}, "w");
  CHECK(verdict_of(verified(maxtext, other, &model), "w").difference == Difference::Values);
}

TEST_CASE("NaNs are compared by their bits") {
  const auto store = [](std::uint32_t bits) {
    const auto raw = std::bit_cast<std::array<std::byte, 4>>(bits);
    MemoryStore made;
    made.put({"x", DType::F32, {1}}, {raw.begin(), raw.end()});
    return made;
  };
  CHECK(is_same(verified(store(0x7FC00001), store(0x7FC00001), nullptr)));
  const Verification found = verified(store(0x7FC00000), store(0x7FC00001), nullptr);
  CHECK(found.tensors[0].difference == Difference::Values);
  CHECK(found.tensors[0].first == "[0]: NaN (0x7FC00000) against NaN (0x7FC00001)");
  CHECK(found.tensors[0].worst_ulp == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("Types, shapes, names, packed elements, and tensors of no cells") {
  MemoryStore a = one(DType::F32, {2}, {1, 2}, "dtype");
  MemoryStore b = one(DType::Bf16, {2}, {1, 2}, "dtype");
  a.put({"shape", DType::U8, {2, 1}}, {std::byte{1}, std::byte{2}});
  b.put({"shape", DType::U8, {1, 2}}, {std::byte{1}, std::byte{2}});
  a.put({"only_a", DType::U8, {1}}, {std::byte{1}});
  b.put({"only_b", DType::U8, {1}}, {std::byte{1}});
  a.put({"packed", DType::F4, {2, 4}}, {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}});
  b.put({"packed", DType::F4, {2, 4}}, {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{5}});
  for (MemoryStore* store : {&a, &b}) store->put({"empty", DType::F32, {0, 4}}, {});
  for (MemoryStore* store : {&a, &b}) store->put({"scalar", DType::F32, {}}, encode({5}, DType::F32));
  const Verification found = verified(a, b, nullptr);
  REQUIRE(found.tensors.size() == 7);
  CHECK(verdict_of(found, "dtype").detail == "F32 against BF16");
  CHECK(verdict_of(found, "shape").detail == "[2 1] against [1 2]");
  CHECK(verdict_of(found, "only_a").difference == Difference::OnlyA);
  CHECK(verdict_of(found, "only_b").difference == Difference::OnlyB);
  CHECK(verdict_of(found, "packed").first == "[1 2]: 0x04 against 0x05");
  CHECK(verdict_of(found, "empty").difference == Difference::Same);
  CHECK(verdict_of(found, "scalar").difference == Difference::Same);
  CHECK(verdict_of(found, "scalar").statistics->mean == 5);
}

TEST_CASE("Only what is asked for is held, whether it is moved by rules or of one name") {
  const Sides sides = sides_of(DType::F32);
  const auto names = [](const Verification& found) {
    std::vector<std::string> all;
    for (const TensorVerdict& verdict : found.tensors) all.push_back(verdict.name);
    return all;
  };
  MemoryStore some;  // as `convert --only` leaves it, and one more tensor that nobody asks for
  for (const char* name : {"0.gate", "2.gate"}) some.put(info_of(sides.hf, name), copy_of(sides.hf, name));
  some.put({"odd", DType::U8, {1}}, {std::byte{1}});
  VerifyOptions options;
  options.only = {"*.gate"};
  const Verification moved = verified(sides.maxtext, some, &sides.model, options);
  CHECK(names(moved) == std::vector<std::string>{"0.gate", "1.gate", "2.gate"});
  CHECK(verdict_of(moved, "1.gate").difference == Difference::OnlyA);
  options.only = {"0.**", "2.gate"};
  CHECK(is_same(verified(sides.maxtext, some, &sides.model, options)));
  const Verification named = verified(sides.hf, some, nullptr, options);
  CHECK(names(named) == std::vector<std::string>{"0.gate", "2.gate"});
  CHECK(is_same(named));
  options.only = {"o*"};
  CHECK(names(verified(sides.hf, some, nullptr, options)) == std::vector<std::string>{"odd"});

  options.only = {"2.gate", "nothing"};
  for (const auto* model : {&sides.model, static_cast<const Model*>(nullptr)}) {
    Diagnostics diags;
    CHECK(!verify(model == nullptr ? sides.hf : sides.maxtext, some, model, options, diags));
    check_found(diags, "R0903", "`nothing`");
  }
}

TEST_CASE("Of checkpoints that have nothing in common all differs, and there is no progress to tell of") {
  VerifyOptions options;
  options.on_progress = [](const Progress&) { FAIL("there is no tensor"); };
  const MemoryStore a = one(DType::F32, {2}, {1, 2});
  for (const MemoryStore& b : {one(DType::F32, {3}, {1, 2, 3}), one(DType::F32, {2}, {1, 2}, "y"), MemoryStore()}) {
    const Verification found = verified(a, b, nullptr, options);
    CHECK(found.tensors.size() == (b.tensors().empty() || b.tensors()[0].name == "x" ? 1 : 2));
    CHECK_FALSE(is_same(found));
  }
}

/// A store that computes what is read, so that it may be larger than memory.
class Computed final : public TensorStore {
 public:
  Computed(Shape shape, std::uint64_t odd) : infos_{{"x", DType::F32, std::move(shape)}}, odd_(odd) {}
  std::span<const TensorInfo> tensors() const override { return infos_; }
  std::string_view where() const override { return "computed"; }
  Status read(std::size_t, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override {
    if (into.size() > (std::uint64_t{64} << 20U)) return report_too_much(diags);
    for (std::size_t at = 0; at < into.size(); at += 4) {
      const std::uint64_t cell = (offset + at) / 4;
      const auto number = static_cast<float>(cell % 1009) + (cell == odd_ ? 0.5F : 0.0F);
      std::memcpy(into.data() + at, &number, 4);
    }
    return Done{};
  }

 private:
  static Status report_too_much(Diagnostics& diags) {
    return report(diags, {}, diag::CannotRead, "computed", "too much at once");
  }
  std::vector<TensorInfo> infos_;
  std::uint64_t odd_;
};

TEST_CASE("A tensor that is larger than the memory is compared, and its first difference found") {
  const Shape shape = {5000, 8192};  // 164 MB
  VerifyOptions options;
  options.memory_bytes = std::uint64_t{64} << 20U;
  std::uint64_t told = 0;
  options.on_progress = [&](const Progress& progress) { told = progress.bytes_done; };
  const Verification found = verified(Computed(shape, ~0ULL), Computed(shape, 30'000'000), nullptr, options);
  CHECK(found.tensors[0].cells == 1);
  CHECK(found.tensors[0].first == "[3662 896]: 412 against 412.5");
  CHECK(found.bytes_compared == 5000 * 8192 * 4);
  CHECK(told > 0);
}

/// One compressed chunk, which can only be read whole.
class Solid final : public TensorStore, public ChunkedStore {
 public:
  std::span<const TensorInfo> tensors() const override { return infos_; }
  std::string_view where() const override { return "solid"; }
  Status read(std::size_t, std::uint64_t, std::span<std::byte>, Diagnostics&) const override { return Done{}; }
  Shape chunk_shape(std::size_t) const override { return infos_[0].shape; }
  bool is_raw(std::size_t) const override { return false; }
  std::optional<StoredAt> place(std::size_t, const Shape&) const override { return std::nullopt; }
  std::uint64_t stored_bytes(std::size_t, const Shape&) const override { return infos_[0].bytes(); }
  const InputFile* file(std::size_t) const override { return nullptr; }
  std::string identity() const override { return {}; }
  Status read_chunk(std::size_t, const Shape&, std::uint64_t, std::span<std::byte>, Room, Diagnostics&) const override {
    return Done{};
  }
  Status read_range(StoredAt, std::span<std::byte>, Room, Diagnostics&) const override { return Done{}; }

 private:
  std::vector<TensorInfo> infos_{{"x", DType::F32, {5000, 8192}}};
};

TEST_CASE("A chunk of B that is larger than the memory is told of before anything is read") {
  Diagnostics diags;
  VerifyOptions options;
  options.memory_bytes = std::uint64_t{64} << 20U;
  CHECK(!verify(Computed({5000, 8192}, 0), Solid(), nullptr, options, diags));
  CHECK_MESSAGE(render_text(diags).find("error[R0907 over-budget]: to make `solid`, ") != std::string::npos,
                render_text(diags));
}

TEST_CASE("What cannot be read is an error, and so is a model that does not fit") {
  const Sides sides = sides_of(DType::F32);
  Diagnostics diags;
  MemoryStore lacking = one(DType::F32, {32, 6}, std::vector<double>(192, 1), "embed.weight");
  CHECK(!verify(lacking, sides.maxtext, &sides.model, {}, diags));
  CHECK(render_text(diags).find("R0610") != std::string::npos);
}

TEST_CASE("What a store of the caller's throws is told, and so is what its callback throws") {
  class Throwing final : public TensorStore {
   public:
    explicit Throwing(const TensorStore& store) : store_(store) {}
    std::span<const TensorInfo> tensors() const override { return store_.tensors(); }
    std::string_view where() const override { return "throwing"; }
    Status read(std::size_t, std::uint64_t, std::span<std::byte>, Diagnostics&) const override {
      throw std::runtime_error("no more");
    }

   private:
    const TensorStore& store_;
  };
  const Sides sides = sides_of(DType::F32);
  const auto throws = [](const TensorStore& a, const TensorStore& b, const Model* model, const VerifyOptions& options) {
    Diagnostics diags;
    CHECK(!verify(a, b, model, options, diags));
    CAPTURE(render_text(diags));
    CHECK(diags.all().size() == 1);
    CHECK(render_text(diags).find("R0905") != std::string::npos);
    CHECK(render_text(diags).find("no more") != std::string::npos);
  };
  throws(sides.hf, Throwing(sides.maxtext), &sides.model, {});
  throws(Throwing(sides.hf), sides.maxtext, &sides.model, {});
  throws(sides.hf, Throwing(sides.hf), nullptr, {});
  throws(Throwing(sides.hf), sides.hf, nullptr, {});
  VerifyOptions options;
  options.on_progress = [](const Progress&) { throw std::runtime_error("no more"); };
  throws(sides.hf, sides.maxtext, &sides.model, options);
  throws(sides.hf, sides.hf, nullptr, options);
}

}  // namespace rulec::verify_test
