// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/file/output_file.h"
#include "engine/file/printable.h"
#include "engine/store/resumable.h"
#include "engine/store/safetensors_header.h"
#include "engine/store/safetensors_layout.h"
#include "engine/store/shard_index.h"
#include "engine/store/shards.h"
#include "engine/store/written_ranges.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

#include <rulec/store.h>

namespace rulec {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Shard {
  OutputFile file;
  std::uint64_t bytes = 0;
  WrittenRanges written;
};

class SafetensorsSink final : public TensorSink, public ResumableSink {
 public:
  SafetensorsSink(fs::path folder, SafetensorsOptions options) : folder_(std::move(folder)), options_(options) {}
  ~SafetensorsSink() override {
    if (state_ != State::Committed && !is_kept_) discard();
  }
  SafetensorsSink(const SafetensorsSink&) = delete;
  SafetensorsSink& operator=(const SafetensorsSink&) = delete;

  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  Status commit(Diagnostics& diags) override;

  Status lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Shape chunk_shape(std::size_t tensor) const override { return homes_[tensor].shape; }
  bool is_raw(std::size_t /*tensor*/) const override { return true; }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& /*chunk*/) const override {
    return StoredAt{homes_[tensor].shard, homes_[tensor].offset};
  }
  std::uint64_t stored_bytes(std::size_t /*tensor*/) const override { return 0; }
  Status write_chunk(std::size_t tensor, const Shape& /*chunk*/, std::uint64_t offset, std::span<const std::byte> bytes,
                     std::span<std::byte> /*room*/, Diagnostics& diags) override {
    return write(tensor, offset, bytes, diags);
  }
  Status write_range(StoredAt from, std::span<const ChunkInRange> /*chunks*/, std::span<std::byte> bytes,
                     Diagnostics& diags) override {
    return write_to(shards_[from.file], from.offset, bytes, diags);
  }

  void come_from(std::span<const std::optional<StoredAt>> origins) override {
    origins_.assign(origins.begin(), origins.end());
  }
  Result<std::uint64_t> reflink(std::size_t tensor, const InputFile& from, std::uint64_t offset,
                                Diagnostics& diags) override;
  std::string form() const override { return "safetensors"; }
  fs::path folder() const override { return folder_; }
  fs::path file_path(std::size_t file) const override { return planned_[file].path; }
  std::optional<StoredChunk> stored(std::size_t /*tensor*/, const Shape& /*chunk*/) const override { return {}; }
  Status flush(Diagnostics& diags) override;
  void keep() override { is_kept_ = true; }
  Status begin_again(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  void note_written(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::uint64_t bytes) override;
  void note_stored(std::size_t, const Shape&, const StoredChunk&) override { RULEC_ASSERT(false); }  // all is raw

 private:
  enum class State : std::uint8_t { New, LaidOut, Begun, Committed };
  struct Planned {
    fs::path path;
    SafetensorsLayout layout;
  };
  struct Home {
    std::size_t shard = 0;
    std::uint64_t offset = 0;  // from the beginning of its file
    std::uint64_t bytes = 0;
    Shape shape;
  };

  Status write_to(Shard& shard, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags);
  Status check_names(std::span<const TensorInfo> tensors, Diagnostics& diags) const;
  Status open_shards(std::span<const TensorInfo> tensors, bool again, Diagnostics& diags);
  Status open_shard(const Planned& planned, bool again, Diagnostics& diags);
  void plan_index(std::span<const TensorInfo> tensors, std::size_t shards);
  Status write_index(Diagnostics& diags);
  void discard();

  fs::path folder_;
  SafetensorsOptions options_;
  std::vector<std::optional<StoredAt>> origins_;
  State state_ = State::New;
  bool is_kept_ = false;
  std::vector<Planned> planned_;
  std::vector<Shard> shards_;
  std::mutex mutex_;         // for what of them was written
  std::vector<Home> homes_;  // one a tensor
  std::string index_;        // its text, empty if there is none to write
  std::vector<fs::path> made_;
};

Status SafetensorsSink::begin(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  return open_shards(tensors, false, diags);
}

Status SafetensorsSink::begin_again(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  keep();
  std::error_code ignored;
  fs::remove(folder_ / IndexName, ignored);  // the run was killed at its very end
  return open_shards(tensors, true, diags);
}

Status SafetensorsSink::open_shards(std::span<const TensorInfo> tensors, bool again, Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::New || state_ == State::LaidOut);
  if (state_ == State::New && !lay_out(tensors, diags)) return diags.failed();
  state_ = State::Begun;
  for (const Planned& planned : planned_) {
    if (open_shard(planned, again, diags)) continue;
    if (!is_kept_) discard();
    return diags.failed();
  }
  // What is flushed later is of no use in a file without a name.
  return sync_folder(folder_, diags);
}

Status SafetensorsSink::lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::New);
  if (!check_names(tensors, diags)) return diags.failed();
  const std::vector<std::vector<std::size_t>> split = split_into_shards(tensors, options_.max_shard_bytes);
  homes_.resize(tensors.size());
  for (std::size_t k = 0; k < split.size(); ++k) {
    const fs::path path = folder_ / shard_name(k, split.size());
    std::optional<SafetensorsLayout> layout = lay_out_shard(tensors, split[k], origins_);
    if (!layout) {
      return report(diags, FilePlace{path.string(), {}}, diag::CannotWrite, printable(path.string()),
                    "its size does not fit into 63 bits");
    }
    for (std::size_t i = 0; i < split[k].size(); ++i) {
      const TensorInfo& info = tensors[split[k][i]];
      homes_[split[k][i]] = {k, layout->offsets[i], info.bytes(), info.shape};
    }
    planned_.push_back({path, *std::move(layout)});
  }
  if (split.size() > 1) plan_index(tensors, split.size());
  state_ = State::LaidOut;
  return Done{};
}

Status SafetensorsSink::check_names(std::span<const TensorInfo> tensors, Diagnostics& diags) const {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const TensorInfo& info : tensors) {
    names.push_back(info.name);
    const bool is_reserved = info.name == "__metadata__";
    if (!is_reserved && json_string(info.name)) continue;
    return report(diags, FilePlace{folder_.string(), {}}, diag::CannotWrite, printable(folder_.string()),
                  fmt::format("a tensor cannot be named `{}`, which {}", printable(info.name),
                              is_reserved ? "the format keeps for itself" : "is not UTF-8"));
  }
  std::ranges::sort(names);
  RULEC_ASSERT(std::ranges::adjacent_find(names) == names.end());
  return Done{};
}

Status SafetensorsSink::open_shard(const Planned& planned, bool again, Diagnostics& diags) {
  const auto& [path, layout] = planned;
  if (layout.header.size() - 8 > MaxHeaderBytes) {
    return report(diags, FilePlace{path.string(), {}}, diag::CannotWrite, printable(path.string()),
                  fmt::format("its header has {} bytes, more than the {} that readers accept", layout.header.size(),
                              MaxHeaderBytes))
        .help("smaller shards have smaller headers");
  }
  Result<OutputFile> file =
      again ? OutputFile::reopen(path, layout.bytes, diags) : OutputFile::create(path, layout.bytes, diags);
  if (!file) return diags.failed();
  made_.push_back(path);
  Shard shard{.file = *std::move(file), .bytes = layout.bytes, .written = {}};
  if (!shard.file.write(0, bytes_of(layout.header), diags)) return diags.failed();
  shard.written.add(0, layout.header.size());
  if (shards_.size() >= MaxOpenFiles) shard.file.close();
  shards_.push_back(std::move(shard));
  return Done{};
}

// As huggingface_hub dumps it: indent 2, keys sorted, ASCII only, a newline at the end.
void SafetensorsSink::plan_index(std::span<const TensorInfo> tensors, std::size_t shards) {
  std::uint64_t total_bytes = 0;
  nlohmann::json weight_map = nlohmann::json::object();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    total_bytes += homes_[i].bytes;
    weight_map[tensors[i].name] = shard_name(homes_[i].shard, shards);
  }
  const nlohmann::json index = {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", std::move(weight_map)}};
  index_ = index.dump(2, ' ', true) + "\n";
}

Status SafetensorsSink::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes,
                              Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::Begun && index < homes_.size());
  const Home& home = homes_[index];
  RULEC_ASSERT(offset <= home.bytes && bytes.size() <= home.bytes - offset);
  if (bytes.empty()) return Done{};
  return write_to(shards_[home.shard], home.offset + offset, bytes, diags);
}

Status SafetensorsSink::write_to(Shard& shard, std::uint64_t offset, std::span<const std::byte> bytes,
                                 Diagnostics& diags) {
  if (!shard.file.write(offset, bytes, diags)) return diags.failed();
  const std::lock_guard lock(mutex_);
  shard.written.add(offset, offset + bytes.size());
  return Done{};
}

Result<std::uint64_t> SafetensorsSink::reflink(std::size_t tensor, const InputFile& from, std::uint64_t offset,
                                               Diagnostics& diags) {
  const Home& home = homes_[tensor];
  if (home.offset % DirectBlock != offset % DirectBlock) return 0;
  Shard& shard = shards_[home.shard];
  const Result<std::uint64_t> shared = shard.file.reflink(home.offset, from, offset, home.bytes, diags);
  if (!shared || *shared == 0) return shared;
  const std::lock_guard lock(mutex_);
  shard.written.add(home.offset, home.offset + home.bytes);
  return shared;
}

void SafetensorsSink::note_written(std::size_t tensor, const Shape& /*chunk*/, std::uint64_t offset,
                                   std::uint64_t bytes) {
  const Home& home = homes_[tensor];
  const std::lock_guard lock(mutex_);
  shards_[home.shard].written.add(home.offset + offset, home.offset + offset + bytes);
}

Status SafetensorsSink::flush(Diagnostics& diags) {
  for (Shard& shard : shards_) {
    if (!shard.file.flush(diags)) return diags.failed();
  }
  return Done{};
}

Status SafetensorsSink::commit(Diagnostics& diags) {
  RULEC_ASSERT(state_ == State::Begun);
  for (Shard& shard : shards_) {
    RULEC_ASSERT(shard.written.is_all_of(shard.bytes));
    if (!shard.file.sync(diags)) return diags.failed();
  }
  if (!index_.empty() && !write_index(diags)) return diags.failed();
  if (!sync_folder(folder_, diags)) return diags.failed();
  state_ = State::Committed;
  return Done{};
}

Status SafetensorsSink::write_index(Diagnostics& diags) {
  const fs::path path = folder_ / IndexName;
  Result<OutputFile> file = OutputFile::create(path, index_.size(), diags);
  if (!file) return diags.failed();
  made_.push_back(path);
  if (!file->write(0, bytes_of(index_), diags)) return diags.failed();
  return file->sync(diags);
}

void SafetensorsSink::discard() {
  shards_.clear();
  for (const fs::path& path : std::exchange(made_, {})) {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
}

}  // namespace

std::unique_ptr<TensorSink> safetensors_sink(fs::path folder, SafetensorsOptions options) {
  return std::make_unique<SafetensorsSink>(std::move(folder), options);
}

}  // namespace rulec
