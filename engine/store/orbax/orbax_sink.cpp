// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/file/output_file.h"
#include "engine/file/printable.h"
#include "engine/ocdbt/write_database.h"
#include "engine/store/orbax/write_chunks.h"
#include "engine/store/orbax/write_parts.h"
#include "engine/store/orbax/write_plan.h"
#include "engine/store/orbax/write_tree.h"
#include "engine/store/orbax/write_values.h"
#include "engine/store/resumable.h"
#include "engine/store/written_ranges.h"
#include "engine/zarr/chunk_codec.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

#include <rulec/store.h>

namespace rulec::orbax {
namespace {

namespace fs = std::filesystem;

constexpr const char* Step = "0";
constexpr const char* Unfinished = "0.orbax-checkpoint-tmp";
constexpr const char* Item = "items";

std::int64_t now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count();
}

ocdbt::Uuid random_uuid() {
  std::random_device random;
  ocdbt::Uuid uuid;
  for (std::byte& byte : uuid) byte = static_cast<std::byte>(random());
  return uuid;
}

/// The names of data files need differ within their folder only.
ocdbt::Uuid numbered_uuid(unsigned number) {
  std::mt19937 scrambled(number);
  ocdbt::Uuid uuid;
  for (std::byte& byte : uuid) byte = static_cast<std::byte>(scrambled());
  return uuid;
}

class OrbaxSink final : public TensorSink, public ResumableSink {
 public:
  OrbaxSink(fs::path folder, OrbaxOptions options) : folder_(std::move(folder)), options_(std::move(options)) {}
  ~OrbaxSink() override {
    if (state_ != State::Committed && !is_kept_) discard();
  }
  OrbaxSink(const OrbaxSink&) = delete;
  OrbaxSink& operator=(const OrbaxSink&) = delete;

  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  Status commit(Diagnostics& diags) override;

  Status lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Shape chunk_shape(std::size_t tensor) const override { return plan_.arrays[tensor].layout.metadata().chunk_shape; }
  bool is_raw(std::size_t /*tensor*/) const override { return !plan_.is_compressed; }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t tensor) const override {
    return plan_.is_compressed ? plan_.values[plan_.arrays[tensor].first_value].bytes : 0;
  }
  Status write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<const std::byte> bytes,
                     std::span<std::byte> room, Diagnostics& diags) override;
  Status write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                     Diagnostics& diags) override;

  std::string form() const override;
  fs::path folder() const override { return step_; }
  fs::path file_path(std::size_t file) const override { return step_ / Item / plan_.files[file].path; }
  std::optional<StoredChunk> stored(std::size_t tensor, const Shape& chunk) const override;
  Status flush(Diagnostics& diags) override { return values_->flush(diags); }
  void keep() override { is_kept_ = true; }
  Status begin_again(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  void note_written(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::uint64_t bytes) override;
  void note_stored(std::size_t tensor, const Shape& chunk, const StoredChunk& stored) override;

 private:
  enum class State : std::uint8_t { New, LaidOut, Begun, Committed };

  TreeForm tree_form() const { return {options_.has_database, options_.zarr_version == 3}; }
  Status open(std::span<const TensorInfo> tensors, bool again, Diagnostics& diags);
  Status make_files(Diagnostics& diags);
  Status find_files(Diagnostics& diags);
  Status write_indices(Diagnostics& diags);
  Status write_array(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags);
  Status write_raw(const PlannedArray& array, const ChunkPart& part, std::span<const std::byte> bytes,
                   Diagnostics& diags);
  Status put_raw(const PlannedArray& array, const Shape& chunk, std::uint64_t offset, std::span<const std::byte> bytes,
                 Diagnostics& diags);
  bool ends_value(const PlannedArray& array, const Shape& chunk, std::uint64_t bytes) const;
  Status put_index(std::size_t value, Diagnostics& diags);
  std::vector<std::byte> index_of_value(std::size_t value) const;
  Status write_compressed(std::size_t index, const ChunkPart& part, std::span<const std::byte> bytes,
                          Diagnostics& diags);
  Status compress(const PlannedArray& array, const Shape& chunk, std::span<const std::byte> bytes,
                  std::span<std::byte> room, Diagnostics& diags);
  Status write_documents(Diagnostics& diags);
  Status write_marks(Diagnostics& diags);
  void discard();

  fs::path folder_;
  OrbaxOptions options_;
  State state_ = State::New;
  bool is_kept_ = false;
  std::int64_t begun_ = 0;  // when
  fs::path step_;           // where it is now; empty: nowhere
  std::vector<WrittenLeaf> leaves_;
  WritePlan plan_;
  std::optional<ValueWriter> values_;
  OpenChunks chunks_;
  std::mutex mutex_;
  std::vector<WrittenRanges> written_;      // of each array
  std::vector<std::uint64_t> chunk_bytes_;  // of each array, that came chunk by chunk
};

std::uint64_t bytes_of(const PlannedArray& array) {
  const zarr::ArrayMetadata& metadata = array.layout.metadata();
  return static_cast<std::uint64_t>(*cells(metadata.shape)) * zarr::element_bytes(metadata.type);
}

std::size_t value_of(const PlannedArray& array, const Shape& chunk) {
  const zarr::Grid& grid = array.layout.grid();
  return array.first_value + static_cast<std::size_t>(index_of(grid.value_of(chunk), grid.value_grid()));
}

Shape chunk_position(const PlannedArray& array, const ChunkPart& part) {
  return position_of(part.chunk, array.layout.grid().chunk_grid());
}

Status OrbaxSink::begin(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  return open(tensors, false, diags);
}

Status OrbaxSink::begin_again(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  keep();
  return open(tensors, true, diags);
}

Status OrbaxSink::open(std::span<const TensorInfo> tensors, bool again, Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::New || state_ == State::LaidOut);
  if (state_ == State::New && !lay_out(tensors, diags)) return diags.failed();
  state_ = State::Begun;
  begun_ = now();
  const std::vector<std::byte> step(StepArray.bytes());
  // What was written before may have lost its indices, of which journals know nothing.
  const bool is_open = again ? find_files(diags) && write_indices(diags) : static_cast<bool>(make_files(diags));
  if (is_open && write_array(tensors.size(), 0, step, diags)) return Done{};
  if (!is_kept_) discard();
  return diags.failed();
}

Status OrbaxSink::lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::New);
  Result<std::vector<WrittenLeaf>> leaves = tree_of(tensors, tree_form(), diags);
  // Not random: what is begun again finds its files, and the same conversion makes the same ones.
  Result<WritePlan> planned = plan_write(
      tensors, options_, [number = 0U]() mutable { return ocdbt::data_file_name(numbered_uuid(number++)); }, diags);
  if (!leaves || !planned) return diags.failed();
  leaves_ = *std::move(leaves);
  plan_ = *std::move(planned);
  written_.resize(plan_.arrays.size());
  chunk_bytes_.resize(plan_.arrays.size());
  state_ = State::LaidOut;
  return Done{};
}

Status OrbaxSink::make_files(Diagnostics& diags) {
  const fs::path final_step = folder_ / Step;
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(final_step, ignored))) {
    return report(diags, FilePlace{final_step.string(), {}}, diag::CannotWrite, printable(final_step.string()),
                  std::make_error_code(std::errc::file_exists).message())
        .help("write into an empty folder");
  }
  if (!make_folder(folder_ / Unfinished, diags)) return diags.failed();
  step_ = folder_ / Unfinished;
  if (!make_folder(step_ / Item, diags)) return diags.failed();
  values_.emplace(step_ / Item, plan_);
  if (!values_->create(diags) || !sync_folder(step_, diags)) return diags.failed();
  return sync_folder(folder_, diags);
}

Status OrbaxSink::find_files(Diagnostics& diags) {
  std::error_code ignored;
  fs::rename(folder_ / Step, folder_ / Unfinished, ignored);  // the run was killed at its very end
  step_ = folder_ / Unfinished;
  fs::remove(step_ / "_CHECKPOINT_METADATA", ignored);
  fs::remove(step_ / "commit_success.txt", ignored);
  values_.emplace(step_ / Item, plan_);
  if (!values_->create_again(diags)) return diags.failed();
  return sync_folder(folder_, diags);
}

Status OrbaxSink::write_indices(Diagnostics& diags) {
  if (plan_.is_compressed) return Done{};
  for (std::size_t i = 0; i < plan_.values.size(); ++i) {
    if (!put_index(i, diags)) return diags.failed();
  }
  return Done{};
}

std::vector<std::byte> OrbaxSink::index_of_value(std::size_t value) const {
  const PlannedArray& array = plan_.arrays[plan_.values[value].array];
  const auto number = static_cast<std::int64_t>(value - array.first_value);
  return array.layout.raw_index(position_of(number, array.layout.grid().value_grid()));
}

Status OrbaxSink::put_index(std::size_t value, Diagnostics& diags) {
  const std::vector<std::byte> index = index_of_value(value);
  if (index.empty()) return Done{};
  return values_->put(value, plan_.values[value].bytes - index.size(), index, diags);
}

Status OrbaxSink::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) {
  RULEC_ASSERT(index + 1 < plan_.arrays.size());  // the last one is the sink's own
  return write_array(index, offset, bytes, diags);
}

Status OrbaxSink::write_array(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes,
                              Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::Begun);
  const PlannedArray& array = plan_.arrays[index];
  RULEC_ASSERT(offset <= bytes_of(array) && bytes.size() <= bytes_of(array) - offset);
  if (bytes.empty()) return Done{};
  {
    const std::lock_guard lock(mutex_);
    RULEC_ASSERT(!written_[index].touches(offset, offset + bytes.size()));
    written_[index].add(offset, offset + bytes.size());
  }
  const bool is_done = for_each_part(array.layout, offset, bytes.size(), [&](const ChunkPart& part) {
    return static_cast<bool>(plan_.is_compressed ? write_compressed(index, part, bytes, diags)
                                                 : write_raw(array, part, bytes, diags));
  });
  if (!is_done) return diags.failed();
  return Done{};
}

Status OrbaxSink::write_raw(const PlannedArray& array, const ChunkPart& part, std::span<const std::byte> bytes,
                            Diagnostics& diags) {
  const Shape chunk = chunk_position(array, part);
  StridedCopy copy = simplified(part.copy);
  const auto size = static_cast<std::size_t>(copy.cells());
  const auto at = static_cast<std::uint64_t>(copy.target_offset);
  if (copy.axes.empty() || (copy.axes.size() == 1 && copy.axes[0].source_stride == 1)) {
    const std::span<const std::byte> run = bytes.subspan(static_cast<std::size_t>(copy.source_offset), size);
    return put_raw(array, chunk, at, run, diags);
  }
  std::vector<std::byte> gathered(size);
  copy.target_offset = 0;
  copy_strided(copy, 1, bytes, gathered);
  return put_raw(array, chunk, at, gathered, diags);
}

// The last bytes of a value bring the index behind them.
Status OrbaxSink::put_raw(const PlannedArray& array, const Shape& chunk, std::uint64_t offset,
                          std::span<const std::byte> bytes, Diagnostics& diags) {
  const std::size_t value = value_of(array, chunk);
  if (!values_->put(value, array.layout.raw_place(chunk).offset + offset, bytes, diags)) return diags.failed();
  return ends_value(array, chunk, offset + bytes.size()) ? put_index(value, diags) : Status(Done{});
}

// Whether nothing but the index comes behind so many bytes of a raw chunk.
bool OrbaxSink::ends_value(const PlannedArray& array, const Shape& chunk, std::uint64_t bytes) const {
  const std::uint64_t value_bytes = plan_.values[value_of(array, chunk)].bytes;
  return array.layout.raw_place(chunk).offset + bytes + array.layout.raw_index_bytes() == value_bytes;
}

Status OrbaxSink::write_compressed(std::size_t index, const ChunkPart& part, std::span<const std::byte> bytes,
                                   Diagnostics& diags) {
  const PlannedArray& array = plan_.arrays[index];
  const std::optional<std::vector<std::byte>> complete =
      chunks_.add(index, part, zarr::chunk_bytes(array.layout.metadata()), bytes);
  if (!complete) return Done{};
  return compress(array, chunk_position(array, part), *complete, {}, diags);
}

Status OrbaxSink::compress(const PlannedArray& array, const Shape& chunk, std::span<const std::byte> bytes,
                           std::span<std::byte> room, Diagnostics& diags) {
  const std::size_t value = value_of(array, chunk);
  std::vector<std::byte> own;
  if (room.size() < plan_.values[value].bytes) {
    own.resize(plan_.values[value].bytes);
    room = own;
  }
  // Chunks divide the array without rest, so that none is to be filled up at an edge.
  std::size_t size = zarr::encode_chunk(bytes, array.layout.metadata(), room);
  if (array.layout.metadata().shards) {
    const std::optional<zarr::Extent> place = zarr::Extent{0, size};
    const std::vector<std::byte> last = array.layout.index(std::span(&place, 1));
    std::ranges::copy(last, room.begin() + static_cast<std::ptrdiff_t>(size));
    size += last.size();
  }
  return values_->append(value, room.first(size), options_.has_database, diags);
}

std::optional<StoredAt> OrbaxSink::place(std::size_t tensor, const Shape& chunk) const {
  const PlannedArray& array = plan_.arrays[tensor];
  const PlannedValue& value = plan_.values[value_of(array, chunk)];
  if (plan_.is_compressed || !value.file) return std::nullopt;
  return StoredAt{*value.file, value.offset + array.layout.raw_place(chunk).offset};
}

Status OrbaxSink::write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                              std::span<const std::byte> bytes, std::span<std::byte> room, Diagnostics& diags) {
  const PlannedArray& array = plan_.arrays[tensor];
  RULEC_ASSERT(state_ == State::Begun && tensor + 1 < plan_.arrays.size());
  {
    const std::lock_guard lock(mutex_);
    chunk_bytes_[tensor] += bytes.size();
  }
  if (plan_.is_compressed) return compress(array, chunk, bytes, room, diags);
  return put_raw(array, chunk, offset, bytes, diags);
}

Status OrbaxSink::write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                              Diagnostics& diags) {
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const ChunkInRange& chunk = chunks[i];
    const bool is_last = i + 1 == chunks.size();
    const PlannedArray& array = plan_.arrays[chunk.tensor];
    const std::uint64_t end = chunk.offset + chunk.bytes;
    const std::span<std::byte> behind = bytes.subspan(end, (is_last ? bytes.size() : chunks[i + 1].offset) - end);
    std::ranges::fill(behind, std::byte{});
    if (!is_last && ends_value(array, chunk.chunk, chunk.bytes))
      std::ranges::copy(index_of_value(value_of(array, chunk.chunk)), behind.begin());
  }
  if (!values_->put_range(from, bytes, diags)) return diags.failed();
  {
    const std::lock_guard lock(mutex_);
    for (const ChunkInRange& chunk : chunks) chunk_bytes_[chunk.tensor] += chunk.bytes;
  }
  const ChunkInRange& last = chunks.back();
  const PlannedArray& array = plan_.arrays[last.tensor];
  if (!ends_value(array, last.chunk, last.bytes)) return Done{};
  return put_index(value_of(array, last.chunk), diags);
}

void OrbaxSink::note_written(std::size_t tensor, const Shape& /*chunk*/, std::uint64_t /*offset*/,
                             std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  chunk_bytes_[tensor] += bytes;
}

std::string OrbaxSink::form() const {
  return fmt::format("orbax, zarr {}, {}, {}, files of {}", options_.zarr_version,
                     options_.is_compressed ? "zstd" : "raw", options_.has_database ? "ocdbt" : "folders",
                     options_.max_data_file_bytes);
}

std::optional<StoredChunk> OrbaxSink::stored(std::size_t tensor, const Shape& chunk) const {
  if (!plan_.is_compressed) return std::nullopt;
  return values_->stored(value_of(plan_.arrays[tensor], chunk));
}

void OrbaxSink::note_stored(std::size_t tensor, const Shape& chunk, const StoredChunk& stored) {
  const PlannedArray& array = plan_.arrays[tensor];
  note_written(tensor, chunk, 0, zarr::chunk_bytes(array.layout.metadata()));
  values_->note_stored(value_of(array, chunk), stored);
}

Status OrbaxSink::commit(Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::Begun);
  for (std::size_t i = 0; i < written_.size(); ++i) {
    const std::uint64_t all = bytes_of(plan_.arrays[i]);
    RULEC_ASSERT(chunk_bytes_[i] == all || written_[i].is_all_of(all));
  }
  if (!values_->finish(diags) || !write_documents(diags) || !write_marks(diags)) return diags.failed();
  std::error_code error;
  fs::rename(step_, folder_ / Step, error);
  if (error) {
    return report(diags, FilePlace{step_.string(), {}}, diag::CannotWrite, printable(step_.string()), error.message());
  }
  step_ = folder_ / Step;
  if (!sync_folder(folder_, diags)) return diags.failed();
  state_ = State::Committed;
  return Done{};
}

Status OrbaxSink::write_documents(Diagnostics& diags) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < plan_.arrays.size(); ++i) {
    const zarr::ArrayLayout& layout = plan_.arrays[i].layout;
    // Layers are alike.
    const bool is_same = i > 0 && layout.metadata() == plan_.arrays[i - 1].layout.metadata();
    texts.push_back(is_same ? texts.back() : layout.metadata_text());
  }
  std::vector<ocdbt::NewEntry> entries = values_->entries();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const std::byte> text = std::as_bytes(std::span(texts[i]));
    const std::string key = plan_.arrays[i].name + "/" + std::string(plan_.arrays[i].layout.metadata_key());
    entries.push_back({key, text});
    if (options_.has_database) continue;
    const fs::path path = step_ / Item / key;
    if (!write_file(path, text, diags) || !sync_folder(path.parent_path(), diags)) return diags.failed();
  }
  if (!options_.has_database) return Done{};
  std::ranges::sort(entries, {}, &ocdbt::NewEntry::key);
  const ocdbt::Stamp stamp{random_uuid(), random_uuid(), static_cast<std::uint64_t>(now())};
  return ocdbt::write_database(step_ / Item, entries, {}, stamp, diags);
}

// What says that all before it is there comes last.
Status OrbaxSink::write_marks(Diagnostics& diags) {
  const auto write_text = [&](const fs::path& path, const std::string& text) {
    return static_cast<bool>(write_file(step_ / path, std::as_bytes(std::span(text)), diags));
  };
  // Where it is does not matter to readers, and the caller will move it.
  const std::string success = "Checkpoint commit was successful to 0";
  const bool is_written =
      write_text(fs::path(Item) / "_METADATA", tree_text(leaves_, tree_form())) &&
      write_text(fs::path(Item) / "commit_success.txt", success + "/items") && sync_folder(step_ / Item, diags) &&
      write_text("_CHECKPOINT_METADATA", checkpoint_text(Item, options_.custom_metadata, {begun_, now()})) &&
      write_text("commit_success.txt", success) && sync_folder(step_, diags);
  if (!is_written) return diags.failed();
  return Done{};
}

void OrbaxSink::discard() {
  values_.reset();
  if (step_.empty()) return;
  std::error_code ignored;
  fs::remove_all(std::exchange(step_, {}), ignored);
}

}  // namespace
}  // namespace rulec::orbax

namespace rulec {

std::unique_ptr<TensorSink> orbax_sink(std::filesystem::path folder, OrbaxOptions options) {
  return std::make_unique<orbax::OrbaxSink>(std::move(folder), std::move(options));
}

}  // namespace rulec
