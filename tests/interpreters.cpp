// SPDX-License-Identifier: Apache-2.0
// Two interpreters, one meaning: on random packs the runner writes the bytes that `evaluate`, the definition, makes;
// and what is only moved comes back bit for bit.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "engine/check/check.h"
#include "engine/run/run.h"
#include "engine/tensor/numbers.h"
#include "engine/trial/random_model.h"
#include "tests/chunked_memory.h"
#include "tests/elaborated.h"
#include "tests/scratch.h"

namespace rulec::interpreters_test {

using namespace testing;
namespace {

/// Writes packs of one rule: some parts, each times the same common axes, joined in one tensor or apart on each side;
/// in a loop whose index lies in a name, in a bracket or in a shape.
class PackWriter {
 public:
  explicit PackWriter(unsigned seed) : random_(seed) {}

  std::string pack() {
    parts_.resize(below(3) + 1);
    for (std::size_t p = 0; p < parts_.size(); ++p) parts_[p] = fmt::format("p{}", p);
    common_.resize(below(3));
    for (std::size_t c = 0; c < common_.size(); ++c) common_[c] = fmt::format("c{}", c);
    std::string text;
    for (const auto* names : {&parts_, &common_}) {
      for (const std::string& name : *names) text += fmt::format("let {} = {}\n", name, below(4) + 1);
    }
    text += "let padded = 9\n";
    const bool loops = below(2) == 0;
    const std::string hook = one_of({"", "", " | mul(2)", " | neg", " | add(1)", " | mul(f32(0.3))"});
    const std::string rule = fmt::format("{} -> {}", side("l", loops, ""), side("r", loops, hook));
    return text + (loops ? fmt::format("for i in 0..{} {{ {} }}\n", below(3) + 1, rule) : rule + "\n");
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  std::string one_of(const std::vector<std::string>& words) { return words[below(words.size())]; }

  std::string side(std::string_view name, bool loops, std::string_view hook) {
    std::vector<std::string> tensors;
    const int place = loops ? static_cast<int>(below(3)) : -1;
    const bool is_joined = below(2) == 0;
    for (std::size_t p = 0; p < (is_joined ? 1 : parts_.size()); ++p) {
      const std::string first = is_joined ? fmt::format("({})", fmt::join(parts_, " + ")) : parts_[p];
      tensors.push_back(fmt::format("{}{}{} : {}{}", name, p,
                                    place == 0   ? ".<i>"
                                    : place == 1 ? "[i @ 0]"
                                                 : "",
                                    shape(first, place == 2), hook));
    }
    return fmt::format("{}", fmt::join(tensors, ", "));
  }

  std::string shape(const std::string& first, bool with_index) {
    std::vector<std::string> dims = common_;
    dims.push_back(first);
    if (with_index) dims.emplace_back("i");
    if (below(4) == 0) dims.emplace_back("1");
    std::ranges::shuffle(dims, random_);
    if (dims.size() > 1 && below(2) == 0) {  // two of them as one
      dims[0] = fmt::format("({} {})", dims[0], dims[1]);
      dims.erase(dims.begin() + 1);
    }
    const auto axis = std::ranges::find_if(dims, [](const std::string& dim) { return dim.front() == 'c'; });
    if (axis != dims.end() && below(3) == 0) *axis = fmt::format("({} pad padded)", *axis);
    return fmt::format("[{}]", fmt::join(dims, " "));
  }

  std::mt19937 random_;
  std::vector<std::string> parts_;
  std::vector<std::string> common_;
};

void check_same(const MemoryStore& meant, const MemoryStore& written) {
  REQUIRE(std::ranges::equal(meant.tensors(), written.tensors()));
  for (const TensorInfo& info : written.tensors())
    CHECK_MESSAGE(std::ranges::equal(meant.bytes(info.name), written.bytes(info.name)), info.name);
}

/// Some way to run with so many bytes: strategy, size of loads, threads, memory.
RunOptions some_options(std::uint64_t bytes, std::mt19937& random) {
  constexpr std::array Strategies = {Strategy::Stream,  Strategy::Whole, Strategy::Gather,
                                     Strategy::Scatter, Strategy::Open,  Strategy::TwoPass};
  RunOptions options;
  options.plan.load_bytes = std::max(bytes / 256, std::uint64_t{1} << (random() % 12));
  options.plan.memory_bytes = std::uint64_t{random() % 3 == 0 ? 64U : 1U} << 20U;
  if (random() % 6 > 0) options.plan.force = Strategies[random() % Strategies.size()];
  options.threads = static_cast<int>(random() % 4) + 1;
  return options;
}

// Of all runs: in two passes, and several tensors at once.
std::size_t two_pass_runs = 0;
std::size_t ranges_read = 0;
std::size_t ranges_written = 0;

/// Converts towards `to` by the definition and by runs of many kinds, and holds the results against each other.
MemoryStore converted(const Elaborated& made, SideId to, const MemoryStore& source, std::optional<DType> dtype,
                      unsigned seed, std::optional<Strategy> force = std::nullopt) {
  Diagnostics& diags = *made.diags;
  const GraphOptions options{source.tensors(), "memory", dtype, false, {}};
  const Result<Graph> graph = build_graph(*made.pack, to, options, diags);
  REQUIRE_MESSAGE(graph, render_text(diags));
  const Result<MemoryStore> meant = evaluate(*graph, source, diags);
  REQUIRE_MESSAGE(meant, render_text(diags));
  MemoryStore written;
  REQUIRE_MESSAGE(run(*made.pack, *graph, stores_of(source, written), {}, diags), render_text(diags));
  check_same(*meant, written);
  std::mt19937 random(seed);
  const Scratch scratch;
  for (int i = 0; i < 2; ++i) {
    const ChunkedMemory chunks(source, static_cast<unsigned>(random()));
    ChunkedMemorySink sink(static_cast<unsigned>(random()));
    RunOptions how = some_options(source.tensors()[0].bytes(), random);
    if (force) {
      how.plan.force = force;
      how.plan.memory_bytes = std::uint64_t{64} << 20U;
    }
    CAPTURE(how.plan.load_bytes);
    CAPTURE(how.threads);
    CAPTURE(std::string(how.plan.force ? to_string(*how.plan.force) : "any"));
    how.scratch = scratch.path();
    const Result<RunReport> report = run(*made.pack, *graph, stores_of(chunks, sink), how, diags);
    REQUIRE_MESSAGE(report, render_text(diags));
    two_pass_runs += report->bytes_scratch > 0 ? 1 : 0;
    CHECK(std::filesystem::is_empty(how.scratch));
    check_same(*meant, sink.store);
    ranges_read += chunks.ranges();
    ranges_written += sink.ranges();
  }
  return written;
}

}  // namespace

TEST_CASE("the runner writes what the reference interpreter makes, and what is moved comes back") {
  int moved_only = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    const std::string text = PackWriter(seed).pack();
    CAPTURE(text);
    const Elaborated made = elaborate_text(text);
    REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
    UsedPermissions used;
    REQUIRE_MESSAGE(prove_coverage(*made.pack, used, *made.diags), render_text(*made.diags));
    const bool moves = text.find('|') == std::string::npos;
    for (const DType dtype : {DType::Bf16, DType::F32}) {
      for (const SideId start : BothSides) {
        MemoryStore source;
        add_random_tensors(*made.pack, start, dtype, seed, source);
        const MemoryStore away = converted(made, other(start), source, DType::F32, seed);
        const MemoryStore back = converted(made, start, away, dtype, seed + 1);
        if (!moves) continue;
        ++moved_only;
        for (const TensorInfo& info : source.tensors())
          CHECK_MESSAGE(std::ranges::equal(source.bytes(info.name), back.bytes(info.name)), info.name);
      }
    }
  }
  CHECK(moved_only > 200);
  CHECK(two_pass_runs > 100);
  CHECK(ranges_read > 100);
  CHECK(ranges_written > 100);
}

TEST_CASE("packed numbers and their exponents: hooks of a tensor argument run alike in both interpreters") {
  // The cells of one piece fill more than a slab; they are turned, cut, and broadcast along W.
  const Elaborated made = elaborate_text(R"(
let E = 2, F = 70, X = 67, W = 16
hook fp4(n, scale) = shr(4n) | and(15) | lut(0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6)
                     | mul(scale) | cast(bf16)
hook e8m0 = cast(f32) | sub(127) | exp2
for n in 0..2, g in {gate, up} {
  <g> : [E (X W n) F] <= blocks : [E (F g) X W] | fp4(n, scales : [E (F g) X] | e8m0)
}
)");
  REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
  std::mt19937 random(1);
  MemoryStore source;
  for (const TensorInfo& info :
       {TensorInfo{"blocks", DType::U8, {2, 140, 67, 16}}, TensorInfo{"scales", DType::U8, {2, 140, 67}}}) {
    std::vector<std::byte> bytes(info.bytes());
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % 256);
    source.put(info, std::move(bytes));
  }
  converted(made, SideId::Left, source, std::nullopt, 1, Strategy::Whole);
  const MemoryStore written = converted(made, SideId::Left, source, std::nullopt, 2, Strategy::Open);

  // One number by hand: cell [1, (5 W + 3) 2 + 1, 7] of `up` is the high nibble of block [1, 7 * 2 + 1, 5, 3].
  const auto at = [&](std::string_view name, std::size_t cell) {
    return std::to_integer<unsigned>(source.bytes(name)[cell]);
  };
  constexpr std::array<double, 16> Numbers{0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6};
  const std::size_t group = (140 + 15) * 67 + 5;
  const double meant =
      std::ldexp(Numbers[at("blocks", group * 16 + 3) >> 4U], static_cast<int>(at("scales", group)) - 127);
  REQUIRE(meant != 0);
  const std::size_t cell = (2144 + (5 * 16 + 3) * 2 + 1) * 70 + 7;
  CHECK(to_double(DType::Bf16, written.bytes("up").subspan(2 * cell, 2)) == meant);
}

}  // namespace rulec::interpreters_test
