// SPDX-License-Identifier: Apache-2.0
// Many small tensors: they are read and written as few ranges of files, and what is noted of them is proved.
#include "engine/plan/batches.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/run/journal.h"
#include "engine/run/prepared.h"
#include "engine/run/resume.h"
#include "engine/run/work.h"
#include "engine/trial/random_model.h"
#include "tests/elaborated.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::batches_test {

using namespace testing;
namespace fs = std::filesystem;

namespace {

// In the order of names: many small ones, then `m` of a megabyte, then many more.
constexpr const char* Rules = R"(
let D = 32, F = 17, V = 8192
for i in 0..200, g in {a, n} { <g>.<i> : [D F] -> <g>.<i>.weight : [F D] }
m : [V D] -> m.weight
)";
constexpr std::uint64_t LoadBytes = std::uint64_t{256} << 10U;

enum class Kind : std::uint8_t { Safetensors, Database, Files };

std::unique_ptr<TensorSink> sink_of(Kind kind, const fs::path& folder) {
  if (kind == Kind::Safetensors) return safetensors_sink(folder);
  OrbaxOptions options;
  options.has_database = kind == Kind::Database;
  return orbax_sink(folder, options);
}

void write_all(const MemoryStore& store, TensorSink& sink) {
  Diagnostics diags;
  REQUIRE(sink.begin(store.tensors(), diags));
  for (std::size_t i = 0; i < store.tensors().size(); ++i)
    REQUIRE(sink.write(i, 0, store.bytes(store.tensors()[i].name), diags));
  REQUIRE_MESSAGE(sink.commit(diags), render_text(diags));
}

void check_content(const MemoryStore& meant, const fs::path& folder) {
  const std::unique_ptr<TensorStore> store = opened_silently(folder);
  for (const TensorInfo& info : meant.tensors()) {
    const std::optional<std::size_t> found = find_tensor(store->tensors(), info.name);
    REQUIRE(found);
    std::vector<std::byte> bytes(info.bytes());
    Diagnostics diags;
    REQUIRE_MESSAGE(store->read(*found, 0, bytes, diags), render_text(diags));
    CHECK_MESSAGE(std::ranges::equal(bytes, meant.bytes(info.name)), info.name);
  }
}

/// A checkpoint of one kind, and what it becomes in a file of another.
class Conversion {
 public:
  Conversion(Kind from, Kind to) : to_(to), made_(elaborate_text(Rules)) {
    REQUIRE_MESSAGE(made_.pack, render_text(*made_.diags));
    MemoryStore numbers;
    add_random_tensors(*made_.pack, SideId::Right, DType::F32, 1, numbers);
    fs::create_directory(scratch_ / "in");
    write_all(numbers, *sink_of(from, scratch_ / "in"));
    source_ = opened_silently(scratch_ / "in");
    graph_ = build_graph(*made_.pack, SideId::Left, {source_->tensors(), "in", {}, false, {}}, diags_);
    REQUIRE_MESSAGE(graph_, render_text(diags_));
    targets_ = simplify(*graph_);
    const Result<MemoryStore> meant = evaluate(*graph_, numbers, diags_);
    REQUIRE(meant);
    meant_ = *meant;
    fs::create_directory(scratch_ / "out");
    options_.plan.load_bytes = LoadBytes;
    options_.plan.memory_bytes = std::uint64_t{64} << 20U;
  }

  /// Opens the target, with its plan.
  const Prepared& prepare() {
    target_ = sink_of(to_, scratch_ / "out");
    Result<std::unique_ptr<Prepared>> prepared =
        rulec::prepare(targets_, graph_->sources, stores_of(*source_, *target_), options_, diags_);
    REQUIRE_MESSAGE(prepared, render_text(diags_));
    prepared_ = *std::move(prepared);
    return *prepared_;
  }

  ResumableSink& files() const { return dynamic_cast<ResumableSink&>(*target_); }
  const MemoryStore& meant() const { return meant_; }
  fs::path out() const { return scratch_ / "out"; }
  fs::path journal() const { return scratch_ / "journal"; }
  Diagnostics& diags() { return diags_; }

  void begin(bool again) {
    const Status begun =
        again ? files().begin_again(prepared_->infos, diags_) : target_->begin(prepared_->infos, diags_);
    REQUIRE_MESSAGE(begun, render_text(diags_));
    files().keep();
  }
  void work(Journal& journal) {
    WorkOptions work;
    work.memory_bytes = prepared_->plan.needed_bytes;
    work.threads = 2;
    work.done_before = journal.finished();
    work.journal = &journal;
    work.notes_all = true;
    REQUIRE_MESSAGE(do_work(prepared_->input, prepared_->plan, work, diags_), render_text(diags_));
  }
  void commit() { REQUIRE_MESSAGE(target_->commit(diags_), render_text(diags_)); }

 private:
  Kind to_;
  Scratch scratch_;
  Diagnostics diags_;
  Elaborated made_;
  std::unique_ptr<TensorStore> source_;
  Result<Graph> graph_{Graph{}};
  std::vector<TargetTensor> targets_;
  MemoryStore meant_;
  RunOptions options_;
  std::unique_ptr<TensorSink> target_;
  std::unique_ptr<Prepared> prepared_;
};

}  // namespace

TEST_CASE("small tensors that lie one behind the other are read and written together, and only those") {
  for (const Kind from : {Kind::Safetensors, Kind::Database, Kind::Files}) {
    for (const Kind to : {Kind::Safetensors, Kind::Database, Kind::Files}) {
      CAPTURE(static_cast<int>(from));
      CAPTURE(static_cast<int>(to));
      Conversion conversion(from, to);
      const Prepared& made = conversion.prepare();
      const std::uint64_t bytes = made.plan.bytes_written;
      CHECK(made.plan.bytes_read == bytes);
      // 400 tensors of 2 KB, in ranges of up to 64 KiB.
      if (to == Kind::Files) {
        CHECK(made.plan.units.size() == 401);
      } else {
        CHECK(made.plan.units.size() < 20);
        CHECK((made.plan.loads.size() < 25) == (from != Kind::Files));
      }
      std::set<std::size_t> targets;
      for (const Unit& unit : made.plan.units) {
        CHECK((unit.strategy == Strategy::Batch) == unit.range.has_value());
        std::uint64_t end = 0;
        for (const Block& block : unit.targets) {
          CHECK(targets.insert(block.tensor).second);
          if (!unit.range) continue;
          CHECK(made.infos[block.tensor].bytes() == 2176);
          const StoredAt at = *made.writer.place(block.tensor, block.chunk);
          CHECK(at == StoredAt{unit.range->at.file, unit.range->at.offset + block.at});
          CHECK(block.at >= end);
          end = block.at + 2176;
        }
        if (unit.range) CHECK((end == unit.range->bytes && end <= LoadBytes / 4));
      }
      CHECK(targets.size() == 401);
      conversion.begin(false);
      Result<Journal> journal =
          Journal::begin(conversion.journal(), "x", made.plan.units.size(), conversion.files(), conversion.diags());
      REQUIRE(journal);
      conversion.work(*journal);
      conversion.commit();
      check_content(conversion.meant(), conversion.out());
    }
  }
}

TEST_CASE(
    "of small tensors that were written together, one byte that the disk has lost is found, and all is made again") {
  for (const Kind to : {Kind::Safetensors, Kind::Database}) {
    Conversion conversion(Kind::Safetensors, to);
    const Prepared& made = conversion.prepare();
    const std::size_t units = made.plan.units.size();
    const auto batch = std::ranges::find_if(made.plan.units, [](const Unit& unit) { return unit.range.has_value(); });
    REQUIRE(batch != made.plan.units.end());
    const auto number = static_cast<std::size_t>(batch - made.plan.units.begin());
    const StoredAt begin = batch->range->at;
    // The last byte of its first tensor, and the first behind that: in Orbax, it is one of an index.
    for (const std::uint64_t within : {2175, 2176}) {
      fs::remove_all(conversion.out());
      fs::create_directory(conversion.out());
      conversion.prepare();
      conversion.begin(false);
      {
        Result<Journal> journal =
            Journal::begin(conversion.journal(), "x", units, conversion.files(), conversion.diags());
        REQUIRE(journal);
        conversion.work(*journal);
      }
      const fs::path file = conversion.files().file_path(begin.file);
      std::string bytes = read_file(file);
      bytes[begin.offset + within] ^= 1;
      std::ofstream(file, std::ios::binary) << bytes;

      const Prepared& again = conversion.prepare();
      Result<Journal> journal =
          Journal::resume(conversion.journal(), "x", units, conversion.files(), conversion.diags());
      REQUIRE(journal);
      CHECK(std::ranges::count(journal->finished(), true) == static_cast<std::ptrdiff_t>(units));
      conversion.begin(true);
      // Indices are written again whenever a sink is begun again.
      const std::ptrdiff_t lost = to == Kind::Database && within == 2176 ? 0 : 1;
      Diagnostics told;
      REQUIRE(check_written(again.input, again.plan, conversion.files(), {std::uint64_t{64} << 20U, 2, {}}, *journal,
                            told));
      if (lost > 0) check_found(told, "R0847", fmt::format("1 of {} finished parts", units));
      CHECK(std::ranges::count(journal->finished(), false) == lost);
      CHECK(journal->finished()[number] == (lost == 0));
      note_finished(again.input, again.plan, *journal, conversion.files());
      conversion.work(*journal);
      conversion.commit();
      check_content(conversion.meant(), conversion.out());
    }
  }
}

}  // namespace rulec::batches_test
