// SPDX-License-Identifier: Apache-2.0
#include "engine/store/safetensors_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/file/input_file.h"
#include "engine/file/printable.h"
#include "engine/store/chunked.h"
#include "engine/store/safetensors_header.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::size_t MaxShardFindings = 10;

struct Entry {
  StoredTensor tensor;
  std::size_t file = 0;
};

class SafetensorsStore final : public TensorStore, public ChunkedStore {
 public:
  // `entries` are sorted by name.
  SafetensorsStore(std::string where, std::vector<InputFile> files, std::vector<Entry> entries)
      : where_(std::move(where)), files_(std::move(files)) {
    infos_.reserve(entries.size());
    places_.reserve(entries.size());
    for (Entry& entry : entries) {
      infos_.push_back(std::move(entry.tensor.info));
      places_.push_back({entry.file, entry.tensor.offset});
    }
  }

  std::span<const TensorInfo> tensors() const override { return infos_; }
  std::string_view where() const override { return where_; }

  Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override {
    return read_chunk(index, {}, offset, into, {}, diags);
  }

  Shape chunk_shape(std::size_t tensor) const override { return infos_[tensor].shape; }
  bool is_raw(std::size_t /*tensor*/) const override { return true; }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& /*chunk*/) const override { return places_[tensor]; }
  std::uint64_t stored_bytes(std::size_t /*tensor*/, const Shape& /*chunk*/) const override { return 0; }
  const InputFile* file(std::size_t number) const override { return &files_[number]; }
  std::string identity() const override {
    std::string text;
    for (const InputFile& file : files_) text += to_string(file.identity()) + "\n";
    return text;
  }
  Status read_chunk(std::size_t tensor, const Shape& /*chunk*/, std::uint64_t offset, std::span<std::byte> into,
                    Room room, Diagnostics& diags) const override {
    RULEC_ASSERT(tensor < infos_.size());
    const std::uint64_t bytes = infos_[tensor].bytes();
    RULEC_ASSERT(offset <= bytes && into.size() <= bytes - offset);
    return files_[places_[tensor].file].read(places_[tensor].offset + offset, into, diags, room);
  }
  Status read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const override {
    return files_[from.file].read(from.offset, into, diags, room);
  }

 private:
  std::string where_;
  std::vector<InputFile> files_;
  std::vector<TensorInfo> infos_;
  std::vector<StoredAt> places_;  // one a tensor
};

Result<std::string> read_text(const InputFile& file, std::uint64_t offset, std::uint64_t bytes, Diagnostics& diags) {
  std::string text(bytes, '\0');
  if (!file.read(offset, std::as_writable_bytes(std::span(text)), diags)) return diags.failed();
  return text;
}

Result<std::vector<StoredTensor>> read_catalogue(const InputFile& file, Diagnostics& diags) {
  const Result<std::string> prefix = read_text(file, 0, std::min<std::uint64_t>(HeaderPrefixBytes, file.size()), diags);
  if (!prefix) return diags.failed();
  const Result<std::uint64_t> length = header_length(*prefix, file.size(), file.path(), diags);
  if (!length) return diags.failed();
  const Result<std::string> header = read_text(file, 8, *length, diags);
  if (!header) return diags.failed();
  return parse_safetensors_header(*header, file.size(), file.path(), diags);
}

// The files, and their tensors sorted by name, of equal names in the order of the files.
struct Shards {
  std::vector<InputFile> files;
  std::vector<Entry> entries;
};

Result<Shards> open_files(const std::vector<std::filesystem::path>& paths, Diagnostics& diags) {
  Shards shards;
  std::optional<Reported> failed;
  std::size_t failures = 0;
  for (const std::filesystem::path& path : paths) {
    if (failures == MaxShardFindings) break;
    Result<InputFile> file = InputFile::open(path, diags);
    Result<std::vector<StoredTensor>> tensors = file ? read_catalogue(*file, diags) : diags.failed();
    if (!tensors) {
      failed = diags.failed();
      ++failures;
      continue;
    }
    const std::size_t number = shards.files.size();
    for (StoredTensor& tensor : *tensors) shards.entries.push_back({std::move(tensor), number});
    if (number >= MaxOpenFiles) file->close();
    shards.files.push_back(*std::move(file));
  }
  if (failed) return *failed;
  std::ranges::sort(shards.entries, {},
                    [](const Entry& e) { return std::pair(std::string_view(e.tensor.info.name), e.file); });
  return shards;
}

const ShardIndex::Entry* find_entry(const ShardIndex& index, std::string_view tensor) {
  const auto found =
      std::ranges::lower_bound(index.entries, tensor, {}, [](const auto& e) { return std::string_view(e.tensor); });
  return found != index.entries.end() && found->tensor == tensor ? &*found : nullptr;
}

const Entry* find_entry(const Shards& shards, std::string_view tensor) {
  const auto found = std::ranges::lower_bound(shards.entries, tensor, {},
                                              [](const Entry& e) { return std::string_view(e.tensor.info.name); });
  return found != shards.entries.end() && found->tensor.info.name == tensor ? &*found : nullptr;
}

// Each tensor must be in one shard, and that the one where the index puts it.
class IndexCheck {
 public:
  IndexCheck(const Shards& shards, const ShardIndex& index, const std::string& index_path, Diagnostics& diags)
      : shards_(shards), index_(index), index_path_(index_path), diags_(diags) {}

  Status run() {
    each_in_one_shard();
    if (findings_ == 0) promised_is_there();
    if (findings_ == 0) stored_is_promised();
    if (findings_ > 0) return diags_.failed();
    return Done{};
  }

 private:
  void each_in_one_shard() {
    for (std::size_t i = 1; i < shards_.entries.size() && !enough(); ++i) {
      const Entry& a = shards_.entries[i - 1];
      const Entry& b = shards_.entries[i];
      if (a.tensor.info.name != b.tensor.info.name) continue;
      mismatch(FilePlace{shards_.files[b.file].path(), {}}, b.tensor.info.name,
               fmt::format("is in `{}` and in `{}`, expected in one shard", file_name(a.file), file_name(b.file)));
    }
  }

  void promised_is_there() {
    for (const ShardIndex::Entry& promise : index_.entries) {
      if (enough()) return;
      const Entry* stored = find_entry(shards_, promise.tensor);
      if (stored != nullptr && stored->file == promise.file) continue;
      const std::string where = stored == nullptr ? "" : fmt::format("; it is in `{}`", file_name(stored->file));
      mismatch(FilePlace{index_path_, promise.place}, promise.tensor,
               fmt::format("is not in `{}`, where the index puts it{}", file_name(promise.file), where))
          .help("the shards and the index may be of different models or versions: fetch them together again");
    }
  }

  void stored_is_promised() {
    for (const Entry& entry : shards_.entries) {
      if (enough()) return;
      const std::string& tensor = entry.tensor.info.name;
      if (find_entry(index_, tensor) != nullptr) continue;
      mismatch(FilePlace{shards_.files[entry.file].path(), {}}, tensor,
               fmt::format("is in `{}`, but the index does not list it", file_name(entry.file)))
          .help("readers of the index would not see it: add it to `weight_map`, or take it out of the shard");
    }
  }

  Finding mismatch(FilePlace place, const std::string& tensor, std::string_view what) {
    ++findings_;
    return report(diags_, std::move(place), diag::ShardMismatch, printable(tensor), what);
  }
  bool enough() const { return findings_ >= MaxShardFindings; }
  std::string file_name(std::size_t file) const { return printable(index_.files[file]); }

  const Shards& shards_;
  const ShardIndex& index_;
  const std::string& index_path_;
  Diagnostics& diags_;
  std::size_t findings_ = 0;
};

void check_total(const Shards& shards, const ShardIndex& index, const std::string& index_path, Diagnostics& diags) {
  if (!index.total_bytes) return;
  std::uint64_t total = 0;
  for (const Entry& entry : shards.entries) total += entry.tensor.info.bytes();
  if (total != *index.total_bytes) {
    report(diags, FilePlace{index_path, index.total_place}, diag::TotalSizeWrong, *index.total_bytes, total);
  }
}

}  // namespace

Result<std::unique_ptr<TensorStore>> open_safetensors_file(const std::filesystem::path& path, Diagnostics& diags) {
  Result<Shards> shards = open_files({path}, diags);
  if (!shards) return diags.failed();
  return std::unique_ptr<TensorStore>(
      std::make_unique<SafetensorsStore>(path.string(), std::move(shards->files), std::move(shards->entries)));
}

Result<std::unique_ptr<TensorStore>> open_safetensors_shards(std::string where, const std::filesystem::path& folder,
                                                             const ShardIndex& index, const std::string& index_path,
                                                             Diagnostics& diags) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& file : index.files) paths.push_back(folder / file);
  Result<Shards> shards = open_files(paths, diags);
  if (!shards) return diags.failed();
  if (!IndexCheck(*shards, index, index_path, diags).run()) return diags.failed();
  check_total(*shards, index, index_path, diags);
  return std::unique_ptr<TensorStore>(
      std::make_unique<SafetensorsStore>(std::move(where), std::move(shards->files), std::move(shards->entries)));
}

}  // namespace rulec
