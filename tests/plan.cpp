// SPDX-License-Identifier: Apache-2.0
// Plans of large models, from shapes alone, and schedules of them: nothing is read or written.
#include "engine/plan/plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/plan/recut.h"
#include "engine/plan/summary.h"
#include "engine/run/schedule.h"
#include "engine/run/share.h"
#include "tests/elaborated.h"

namespace rulec::plan_test {

using namespace testing;

namespace {

constexpr std::uint64_t MiB = std::uint64_t{1} << 20U;

/// Shapes, and chunks for those that have some. Tensors lie one behind the other.
class ShapeStore final : public TensorStore, public ChunkedStore {
 public:
  struct Chunks {
    Shape shape;
    bool is_raw = true;
  };

  ShapeStore(std::vector<TensorInfo> tensors, std::map<std::string, Chunks> chunks)
      : tensors_(std::move(tensors)), chunks_(std::move(chunks)) {
    std::ranges::sort(tensors_, {}, &TensorInfo::name);
  }

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  Status read(std::size_t, std::uint64_t, std::span<std::byte>, Diagnostics& diags) const override {
    return diags.failed();
  }
  std::string_view where() const override { return "shapes"; }

  Shape chunk_shape(std::size_t tensor) const override {
    const auto found = chunks_.find(tensors_[tensor].name);
    return found == chunks_.end() ? tensors_[tensor].shape : found->second.shape;
  }
  bool is_raw(std::size_t tensor) const override {
    const auto found = chunks_.find(tensors_[tensor].name);
    return found == chunks_.end() || found->second.is_raw;
  }
  std::optional<StoredAt> place(std::size_t tensor, const Shape&) const override {
    return StoredAt{0, std::uint64_t{tensor} << 40U};
  }
  std::uint64_t stored_bytes(std::size_t, const Shape&) const override { return 0; }
  const InputFile* file(std::size_t) const override { return nullptr; }
  std::string identity() const override { return {}; }
  Status read_chunk(std::size_t, const Shape&, std::uint64_t, std::span<std::byte>, Room,
                    Diagnostics& diags) const override {
    return diags.failed();
  }
  Status read_range(StoredAt, std::span<std::byte>, Room, Diagnostics& diags) const override { return diags.failed(); }

 private:
  std::vector<TensorInfo> tensors_;
  std::map<std::string, Chunks> chunks_;
};

/// A plan for rules towards the left side; the right side has these chunks. Lives where it was made.
struct Planned {
  Planned(const std::string& rules, std::map<std::string, ShapeStore::Chunks> chunks, std::uint64_t memory,
          Diagnostics& diags)
      : made(elaborate_text(rules)) {
    REQUIRE_MESSAGE(made.pack, render_text(*made.diags));
    std::vector<TensorInfo> tensors;
    for (const auto& tensor : made.pack->tensors[number(SideId::Right)])
      tensors.push_back({tensor.name, DType::Bf16, tensor.shape});
    store = std::make_unique<ShapeStore>(std::move(tensors), std::move(chunks));
    graph = build_graph(*made.pack, SideId::Left, {store->tensors(), "shapes", {}, false, {}}, diags);
    REQUIRE_MESSAGE(graph, render_text(diags));
    targets = simplify(*graph);
    for (const TargetTensor& target : targets) {
      maps.push_back(maps_of(target, graph->sources));
      infos.push_back(target.info);
    }
    reader = std::make_unique<ChunkReader>(*store, store.get(), graph->sources);
    writer = std::make_unique<ChunkWriter>(nowhere, nullptr, infos);
    input = {targets, maps, graph->sources, reader.get(), writer.get(), {}};
    PlanOptions options;
    options.memory_bytes = memory;
    plan = make_plan(input, options, diags);
    if (plan) rows = summarise(input, *plan);
  }
  Planned(const Planned&) = delete;
  Planned& operator=(const Planned&) = delete;

  Elaborated made;
  std::unique_ptr<ShapeStore> store;
  Result<Graph> graph{Graph{}};
  std::vector<TargetTensor> targets;
  std::vector<TargetMaps> maps;
  std::vector<TensorInfo> infos;
  MemoryStore nowhere;
  std::unique_ptr<ChunkReader> reader;
  std::unique_ptr<ChunkWriter> writer;
  PlanInput input;
  Result<Plan> plan{Plan{}};
  std::vector<TargetSummary> rows;
};

std::uint64_t bytes_of(const Planned& planned) {
  std::uint64_t bytes = 0;
  for (const TargetTensor& target : planned.targets) bytes += target.info.bytes();
  return bytes;
}

}  // namespace

TEST_CASE("each kind of rule gets the strategy that reads and writes long runs, and all is read once") {
  struct Row {
    const char* what;
    const char* rules;
    std::uint64_t memory;
    Strategy strategy;
    std::uint64_t least_read;  // run, in KiB
    std::uint64_t least_write;
  };
  const Row rows[] = {
      {"the same order", "let V = 256000, D = 2304\na : [V D] -> w", 64 * MiB, Strategy::Stream, 1024, 1024},
      {"a transpose that fits", "let D = 2304, F = 9216\na : [D F] -> w : [F D]", 1024 * MiB, Strategy::Whole, 512,
       1024},
      {"one that does not", "let D = 8192, F = 32768\na : [D F] -> w : [F D]", 64 * MiB, Strategy::Scatter, 512, 4},
      {"a stack that fits", "let L = 8, D = 2304, F = 9216\nfor i in 0..L { a[i @ 1] : [D F] -> w.<i> : [F D] }",
       1024 * MiB, Strategy::Whole, 512, 1024},
      {"a stack that does not", "let L = 64, D = 4096, F = 65536\nfor i in 0..L { a[i @ 1] : [D F] -> w.<i> : [F D] }",
       2048 * MiB, Strategy::Scatter, 512, 64},
      {"slices of a stack", "let L = 8, D = 2304, F = 9216\nfor i in 0..L { a.<i> : [D F] -> w[i @ 1] : [F D] }",
       1024 * MiB, Strategy::Open, 512, 1024},
      {"slices along the slowest axis",
       "let L = 64, D = 2304, F = 9216\nfor i in 0..L { a.<i> : [D F] -> w[i @ 0] : [F D] }", 256 * MiB,
       Strategy::Whole, 512, 1024},
      {"parts of one", "let q = 16384, k = 8192, D = 4096\nx : [q D], y : [k D] -> w : [(q + k) D]", 64 * MiB,
       Strategy::Stream, 1024, 1024},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.what));
    Diagnostics diags;
    const Planned made(row.rules, {}, row.memory, diags);
    REQUIRE_MESSAGE(made.plan, render_text(diags));
    for (const TargetSummary& target : made.rows) {
      CHECK_MESSAGE(target.strategy == row.strategy, std::string(to_string(target.strategy)));
      CHECK_MESSAGE(target.read_run >= row.least_read * 1024, target.read_run);
      CHECK_MESSAGE(target.write_run >= row.least_write * 1024, target.write_run);
    }
    CHECK(made.plan->needed_bytes <= row.memory);
    CHECK(made.plan->bytes_written == bytes_of(made));
    CHECK(made.plan->bytes_read == bytes_of(made));
  }
}

TEST_CASE("a block is made of the sources that have cells in it, not of all that its tensor has") {
  Diagnostics diags;
  // Blocks are cut at 32 MiB, so that four experts share one.
  const Planned planned("let D = 2048, F = 2048\nfor e in 0..64 { w : [e D F] -> e.<e>.w : [D F] }", {}, 1024 * MiB,
                        diags);
  REQUIRE_MESSAGE(planned.plan, render_text(diags));
  std::size_t blocks = 0;
  std::size_t readers = 0;
  for (const Unit& unit : planned.plan->units) {
    blocks += unit.targets.size();
    readers += unit.readers.size();
  }
  CHECK(blocks == 16);
  CHECK(readers == 64);
}

TEST_CASE("two passes are for what memory does not hold, and one pass would move in short runs") {
  struct Row {
    const char* what;
    const char* rules;
    std::uint64_t memory;
    std::vector<Shape> chunks;  // of the sources that are cut anew
  };
  const Row rows[] = {
      {"a transpose that fits", "let D = 2304, F = 9216\na : [D F] -> w : [F D]", 1024 * MiB, {}},
      {"one that nearly does", "let D = 8192, F = 8192\na : [D F] -> w : [F D]", 144 * MiB, {}},
      {"one that does not", "let D = 8192, F = 32768\na : [D F] -> w : [F D]", 64 * MiB, {{1024, 256}}},
      {"one of odd sizes", "let D = 8191, F = 32771\na : [D F] -> w : [F D]", 64 * MiB, {{1311, 328}}},
      {"long runs whatever memory there is", "let D = 8192, F = 32768\na : [(D F)] -> w : [D F]", 64 * MiB, {}},
      {"the heads of a matrix",
       "let N = 128, H = 128, D = 16384\na : [D N H] -> w : [(N H) D]",
       64 * MiB,
       {{512, 512}}},
      {"a stack of what fits",
       "let L = 64, D = 4096, F = 4096\nfor i in 0..L { a[i @ 1] : [D F] -> w.<i> : [F D] }",
       2048 * MiB,
       {}},
      {"of many, the largest",
       "let L = 4, D = 8192, F = 8192\nfor i in 0..L { a.<i> : [D F] -> w.<i> : [F D] }\n"
       "b : [D F] -> v : [F D]",
       64 * MiB,
       {{1024, 1024}}},
      {"two of one",
       "let q = 8192, k = 16384, D = 16384\nx : [D q], y : [D k] -> w : [(q + k) D]",
       64 * MiB,
       {{512, 512}}},
      {"every other column", "let D = 8192, F = 8192\nfor g in {x, y} { <g> : [F D] -> w : [D (F g)] }", 64 * MiB, {}},
      {"the layers of Llama 405B, in the memory that is usual",
       "let D = 16384, F = 53248\na : [D F] -> w : [F D]",
       1024 * MiB,
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.what));
    Diagnostics diags;
    const Planned made(row.rules, {}, row.memory, diags);
    REQUIRE_MESSAGE(made.plan, render_text(diags));
    PlanOptions options;
    options.memory_bytes = row.memory;
    std::vector<Shape> chunks;
    for (const Recut& recut : find_recuts(made.input, options)) chunks.push_back(recut.chunk);
    CHECK_MESSAGE(chunks == row.chunks, (chunks.empty() ? "none" : to_string(chunks.front())));
  }
}

TEST_CASE("shares of a plan are ranges of about equally many bytes, and together all of it") {
  Diagnostics diags;
  const Planned planned(R"(
let L = 26, D = 2304, F = 9216, V = 256000
embedding : [V D] -> embed
for i in 0..L {
  stacked[i @ 1] : [D F] -> layers.<i> : [F D]
}
)",
                        {}, 256 * MiB, diags);
  REQUIRE_MESSAGE(planned.plan, render_text(diags));
  const std::size_t units = planned.plan->units.size();
  const std::uint64_t all = planned.plan->bytes_written;
  for (const int of : {1, 2, 3, 7, 16, 1000}) {
    CAPTURE(of);
    std::uint64_t written = 0;
    std::vector<int> owners(units);
    for (int number = 1; number <= of; ++number) {
      const Share share = share_of(planned.input, *planned.plan, {number, of});
      REQUIRE(share.units.size() == units);
      const auto first = std::ranges::find(share.units, true);
      const auto last = std::find(first, share.units.end(), false);
      CHECK(std::count(last, share.units.end(), true) == 0);
      for (std::size_t u = 0; u < units; ++u) owners[u] += share.units[u] ? 1 : 0;
      written += share.bytes_written;
      const double fair = static_cast<double>(all) / of;
      if (of <= 16) CHECK(std::abs(static_cast<double>(share.bytes_written) - fair) < 0.25 * fair);
    }
    CHECK(std::ranges::count(owners, 1) == static_cast<std::ptrdiff_t>(units));
    CHECK(written == all);
  }
}

TEST_CASE("a compressed chunk is unpacked once for all that need it, if there is memory, and else told of") {
  const std::string rules = "let L = 8, D = 2048, F = 4096\nfor i in 0..L { a.<i> : [D F] -> w[i @ 1] : [F D] }";
  const std::map<std::string, ShapeStore::Chunks> chunks = {{"w", {{4096, 8, 2048}, false}}};  // 128 MiB
  Diagnostics diags;
  const Planned enough(rules, chunks, 256 * MiB, diags);
  REQUIRE_MESSAGE(enough.plan, render_text(diags));
  CHECK(enough.plan->loads.size() == 1);
  CHECK(std::ranges::all_of(enough.plan->units,
                            [](const Unit& unit) { return unit.loads == std::vector<std::size_t>{0}; }));
  CHECK(enough.plan->units.size() == 8);
  CHECK(enough.plan->bytes_read == 128 * MiB);
  CHECK(enough.plan->needed_bytes > 128 * MiB);
  CHECK(!Planned(rules, chunks, 100 * MiB, diags).plan);
  CHECK(render_text(diags).find("error[R0907 over-budget]: to make `a.0`, ") != std::string::npos);
}

TEST_CASE("chunks that several parts need are read again if they cannot all stay") {
  // Each of two targets needs all four chunks, of 32 MiB each, and has 64 MiB itself.
  const std::string rules = "let D = 8192, F = 4096\nfor i in {x, y} { a.<i> : [D F] -> w[i @ 1] : [F D] }";
  const std::map<std::string, ShapeStore::Chunks> chunks = {{"w", {{1024, 2, 8192}, false}}};
  Diagnostics diags;
  const Planned enough(rules, chunks, 256 * MiB, diags);
  REQUIRE_MESSAGE(enough.plan, render_text(diags));
  CHECK(enough.plan->bytes_read == 128 * MiB);
  const Planned less(rules, chunks, 128 * MiB, diags);
  REQUIRE_MESSAGE(less.plan, render_text(diags));
  CHECK(less.plan->bytes_read > 128 * MiB);
  CHECK(less.plan->needed_bytes <= 128 * MiB);
}

TEST_CASE("with the memory that a plan needs and no more, all of it can be done, in whatever order tasks end") {
  const std::map<std::string, ShapeStore::Chunks> chunks = {{"w", {{1024, 2, 8192}, false}}};
  const char* const all_rules[] = {
      "let D = 8192, F = 4096\nfor i in {x, y} { a.<i> : [D F] -> w[i @ 1] : [F D] }",
      "let L = 8, D = 2304, F = 9216\nfor i in 0..L { a[i @ 1] : [D F] -> v.<i> : [F D] }",
      "let L = 8, D = 2304, F = 9216\nfor i in 0..L { a.<i> : [D F] -> v[i @ 1] : [F D] }",
      "let q = 16384, k = 8192, D = 4096\nx : [q D], y : [k D] -> v : [(q + k) D]",
  };
  for (const char* rules : all_rules) {
    for (const std::uint64_t memory : {128 * MiB, 256 * MiB, 2048 * MiB}) {
      for (unsigned seed = 0; seed < 4; ++seed) {
        CAPTURE(std::string(rules));
        CAPTURE(memory);
        Diagnostics diags;
        const Planned made(rules, chunks, memory, diags);
        REQUIRE_MESSAGE(made.plan, render_text(diags));
        Schedule schedule(made.input, *made.plan, {made.plan->needed_bytes, 2});
        std::mt19937 random(seed);
        std::vector<Task> running;
        std::uint64_t written = 0;
        while (!schedule.is_over()) {
          std::optional<Task> task = running.size() < 5 ? schedule.next() : std::nullopt;
          if (task) {
            running.push_back(std::move(*task));
            continue;
          }
          REQUIRE(!running.empty());  // else it is stuck
          const std::size_t ends = random() % running.size();
          if (const auto* write = std::get_if<tasks::Write>(&running[ends])) written += write->segment.bytes;
          schedule.settle(running[ends]);
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(ends));
        }
        CHECK(running.empty());
        CHECK(written == made.plan->bytes_written);
        CHECK(schedule.bytes_done() == written);
      }
    }
  }
}

}  // namespace rulec::plan_test
