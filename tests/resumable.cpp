// SPDX-License-Identifier: Apache-2.0
// Sinks that are left in the middle, and begun again.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/store/resumable.h"
#include "engine/tensor/box.h"
#include "tests/orbax_written.h"
#include "tests/scratch.h"
#include "tests/store_checks.h"

namespace rulec::resumable_test {

using namespace testing;

namespace {

using Bytes = std::vector<std::byte>;

struct Chunk {
  std::size_t tensor = 0;
  Shape position;
  auto operator<=>(const Chunk&) const = default;
};

struct Form {
  bool is_orbax = true;
  OrbaxOptions orbax{};

  std::unique_ptr<TensorSink> sink(const std::filesystem::path& folder) const {
    return is_orbax ? orbax_sink(folder, orbax) : safetensors_sink(folder, {.max_shard_bytes = 30'000});
  }
};

std::vector<Form> all_forms() {
  std::vector<Form> forms = {{.is_orbax = false}};
  for (const int zarr_version : {2, 3}) {
    for (const bool is_compressed : {false, true}) {
      for (const bool has_database : {false, true}) {
        OrbaxOptions options;
        options.zarr_version = zarr_version;
        options.is_compressed = is_compressed;
        options.has_database = has_database;
        options.chunk_bytes = 4000;
        options.max_data_file_bytes = std::uint64_t{8} << 20U;  // room for a few values
        forms.push_back({true, options});
      }
    }
  }
  return forms;
}

/// One that compresses to nothing, one that does not, and small ones.
std::vector<Written> model(std::mt19937& random) {
  std::vector<Written> tensors = {
      random_tensor("a", DType::F32, {32, 24, 16}, random), random_tensor("b", DType::Bf16, {40, 300}, random),
      random_tensor("c", DType::U8, {7}, random), random_tensor("d", DType::U8, {64, 512}, random)};
  std::ranges::fill(tensors[3].bytes, std::byte{});
  return tensors;
}

/// A run of a sink, chunk by chunk.
class Run {
 public:
  Run(const Form& form, const std::filesystem::path& folder, const std::vector<Written>& tensors)
      : tensors_(tensors), target_(form.sink(folder)), sink_(dynamic_cast<ResumableSink*>(target_.get())) {
    for (const Written& tensor : tensors) infos_.push_back(tensor.info);
    REQUIRE(sink_->lay_out(infos_, diags_));
  }
  ~Run() { CHECK(diags_.all().empty()); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void begin() {
    REQUIRE(target_->begin(infos_, diags_));
    sink_->keep();
  }
  void begin_again() { REQUIRE(sink_->begin_again(infos_, diags_)); }

  std::vector<Chunk> chunks(std::mt19937& random) const {
    std::vector<Chunk> all;
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      Shape grid = tensors_[t].info.shape;
      const Shape chunk = sink_->chunk_shape(t);
      for (std::size_t axis = 0; axis < grid.size(); ++axis) grid[axis] /= chunk[axis];
      for (std::int64_t i = 0; i < *cells(grid); ++i) all.push_back({t, position_of(i, grid)});
    }
    std::ranges::shuffle(all, random);
    return all;
  }

  void write(const Chunk& chunk) {
    REQUIRE(sink_->write_chunk(chunk.tensor, chunk.position, 0, bytes_of(chunk), {}, diags_));
  }

  /// What a journal would note of a chunk that was written; nothing if it is in memory.
  std::optional<StoredChunk> stored(const Chunk& chunk) const {
    if (std::optional<StoredChunk> stored = sink_->stored(chunk.tensor, chunk.position)) return stored;
    const std::optional<StoredAt> place = sink_->place(chunk.tensor, chunk.position);
    if (!place) return std::nullopt;
    return StoredChunk{*place, 0, {}};
  }

  void note(const Chunk& chunk, const StoredChunk& stored) {
    if (sink_->is_raw(chunk.tensor)) {
      sink_->note_written(chunk.tensor, chunk.position, 0, bytes_of(chunk).size());
    } else {
      sink_->note_stored(chunk.tensor, chunk.position, stored);
    }
  }

  void flush() { REQUIRE(sink_->flush(diags_)); }
  void commit() { REQUIRE(target_->commit(diags_)); }

 private:
  Bytes bytes_of(const Chunk& chunk) const {
    const Written& tensor = tensors_[chunk.tensor];
    const Shape extents = sink_->chunk_shape(chunk.tensor);
    const std::size_t width = static_cast<std::size_t>(bits(tensor.info.dtype)) / 8;
    const Shape strides = c_strides(tensor.info.shape);
    Bytes bytes(static_cast<std::size_t>(*cells(extents)) * width);
    for (std::int64_t i = 0; i < *cells(extents); ++i) {
      const Shape within = position_of(i, extents);
      std::int64_t cell = 0;
      for (std::size_t axis = 0; axis < within.size(); ++axis)
        cell += (chunk.position[axis] * extents[axis] + within[axis]) * strides[axis];
      std::memcpy(bytes.data() + static_cast<std::size_t>(i) * width,
                  tensor.bytes.data() + static_cast<std::size_t>(cell) * width, width);
    }
    return bytes;
  }

  const std::vector<Written>& tensors_;
  std::vector<TensorInfo> infos_;
  std::unique_ptr<TensorSink> target_;
  ResumableSink* sink_;
  Diagnostics diags_;
};

void check(const Form& form, const std::filesystem::path& folder, const std::vector<Written>& tensors) {
  if (form.is_orbax) return check_checkpoint(folder, tensors);
  const std::unique_ptr<TensorStore> store = opened_silently(folder);
  for (const Written& tensor : tensors) {
    Bytes bytes(tensor.bytes.size());
    Diagnostics diags;
    REQUIRE(store->read(*find_tensor(store->tensors(), tensor.info.name), 0, bytes, diags));
    CHECK(bytes == tensor.bytes);
  }
}

using Notes = std::map<Chunk, StoredChunk>;

/// Writes at most so many of the chunks that are not noted, in any order, and notes most of them.
void write_some(Run& run, std::size_t most, Notes& noted, std::mt19937& random) {
  for (const auto& [chunk, stored] : noted) run.note(chunk, stored);
  for (const Chunk& chunk : run.chunks(random)) {
    if (most == 0) return;
    if (noted.contains(chunk)) continue;
    run.write(chunk);
    --most;
    const std::optional<StoredChunk> stored = run.stored(chunk);
    if (stored && random() % 4 != 0) noted.emplace(chunk, *stored);
  }
}

constexpr std::size_t All = 1000;

}  // namespace

TEST_CASE("a sink that is left anywhere goes on with what is noted, once and once more") {
  std::mt19937 random(1);
  for (const Form& form : all_forms()) {
    for (int round = 0; round < 6; ++round) {
      CAPTURE(form.is_orbax);
      CAPTURE(form.orbax.zarr_version);
      CAPTURE(form.orbax.is_compressed);
      CAPTURE(form.orbax.has_database);
      CAPTURE(round);
      const Scratch scratch(memory_folder());
      const std::vector<Written> tensors = model(random);
      Notes noted;
      bool is_first = true;
      for (const std::size_t most : {random() % 30, random() % 30, std::uint_fast32_t{All}}) {
        Run run(form, scratch.path(), tensors);
        std::exchange(is_first, false) ? run.begin() : run.begin_again();
        write_some(run, most, noted, random);
        run.flush();
        if (most == All) run.commit();
      }
      check(form, scratch.path(), tensors);
    }
  }
}

TEST_CASE("a sink that is left when it is all done but for its target's name is done again") {
  std::mt19937 random(2);
  for (const Form& form : all_forms()) {
    CAPTURE(form.orbax.is_compressed);
    CAPTURE(form.orbax.has_database);
    const Scratch scratch(memory_folder());
    const std::vector<Written> tensors = model(random);
    Notes noted;
    for (int visit = 0; visit < 2; ++visit) {
      Run run(form, scratch.path(), tensors);
      visit == 0 ? run.begin() : run.begin_again();
      write_some(run, All, noted, random);
      run.commit();
    }
    check(form, scratch.path(), tensors);
  }
}

}  // namespace rulec::resumable_test
