// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rulec/diagnostics.h>
#include <rulec/result.h>
#include <rulec/tensor.h>

namespace rulec {

/// Tensors to read: a catalogue, and the bytes behind it. Implement it to convert tensors that you already hold.
///
/// Const members may be called from several threads at once, each with its own `Diagnostics`. To fail, file what is
/// wrong and return `diags.failed()`; what is thrown instead becomes R0905.
class TensorStore {
 public:
  virtual ~TensorStore() = default;

  /// Every tensor, sorted by name, each name once. Valid as long as the store.
  virtual std::span<const TensorInfo> tensors() const = 0;

  /// Fills `into` with the bytes of tensor `index` of the catalogue from `offset` on (in bytes). The range lies within
  /// the tensor. Elements are little-endian and row-major.
  virtual Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const = 0;

  /// What messages call this store: its path.
  virtual std::string_view where() const = 0;

  /// What else is known of the checkpoint, for people: `step` = `20 (also there: 10)`. In an order to be read in.
  virtual std::vector<std::pair<std::string, std::string>> facts() const { return {}; }

  /// How tensor `index` of the catalogue is stored, for people: `16 chunks of [128 2], zstd`. Empty if in one piece.
  virtual std::string layout_of([[maybe_unused]] std::size_t index) const { return {}; }

  /// What the checkpoint itself says of options that a pack may have: `scan_layers` = `true`, as on a command line.
  virtual std::map<std::string, std::string> options() const { return {}; }

  /// The file that says it, for messages.
  virtual std::string options_file() const { return std::string(where()); }
};

/// Tensors to write. `begin` once, `write` for every tensor in any order, `commit` once. What was not committed leaves
/// nothing behind.
class TensorSink {
 public:
  virtual ~TensorSink() = default;

  /// Says everything that will be written, before any of it. Names are unique.
  virtual Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) = 0;

  /// The bytes of tensor `index` of what `begin` was told, from `offset` on (in bytes). Borrowed for the call only.
  virtual Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes,
                       Diagnostics& diags) = 0;

  /// Makes it all visible at once.
  virtual Status commit(Diagnostics& diags) = 0;
};

/// Position of the tensor `name` in a catalogue, or nothing.
std::optional<std::size_t> find_tensor(std::span<const TensorInfo> sorted, std::string_view name);

/// Tensors in memory, to read and to write.
class MemoryStore final : public TensorStore, public TensorSink {
 public:
  /// Adds or replaces a tensor. `bytes` must be as long as `info` says. Spans of `tensors` end; those of `bytes` do for
  /// this tensor only. Names may come in any order: they are sorted when `tensors` is asked for next.
  void put(TensorInfo info, std::vector<std::byte> bytes);

  /// The bytes of a tensor, or an empty span if there is none of that name.
  std::span<const std::byte> bytes(std::string_view name) const;

  std::span<const TensorInfo> tensors() const override { return catalogue_.of(stored_); }
  Status read(std::size_t index, std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const override;
  std::string_view where() const override { return "memory"; }

  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  Status commit(Diagnostics& diags) override;

 private:
  struct Stored {
    TensorInfo info;
    std::vector<std::byte> bytes;
  };
  using ByName = std::map<std::string, Stored, std::less<>>;

  // The catalogue in one piece, which whoever asks first makes: to insert each tensor at its place would take time with
  // the square of their number. Several threads may ask at once.
  class Catalogue {
   public:
    Catalogue() = default;
    Catalogue(const Catalogue&) : is_made_(false) {}
    Catalogue& operator=(const Catalogue&) {
      is_made_ = false;
      return *this;
    }

    std::span<const TensorInfo> of(const ByName& stored) const;
    void append(const TensorInfo& info);  // behind all others
    void forget() { is_made_ = false; }

   private:
    mutable std::mutex mutex_;
    mutable std::atomic<bool> is_made_{true};
    mutable std::vector<TensorInfo> infos_;
  };

  ByName stored_;
  Catalogue catalogue_;
  std::vector<Stored> begun_;  // in the order of `begin`, unseen until `commit`
};

/// A checkpoint to read, recognised by looking.
///
/// A file or folder of safetensors: `model.safetensors.index.json` with its shards, else `model.safetensors`, else the
/// only `*.safetensors` there. Validated whole, before a byte of tensor data is read, as the format's own reader does
/// and stricter (https://github.com/huggingface/safetensors): duplicate names, stray shards and links out of the folder
/// too.
///
/// A folder of Orbax (https://orbax.readthedocs.io): a run, of which the newest finished step is read, a step, or an
/// item with `_METADATA`; the arrays in OCDBT or in folders, zarr 2 or 3. Weights of MaxText are called as its modules
/// call them, `decoder.layers.mlp.wi_0.kernel`, whatever they stand under. Chunks are validated when they are read.
///
/// Errors: R0801 to R0808, R0811, R0814 and R0817; of Orbax R0820, R0830, R0840 and R0841. Warnings: R0812, R0813,
/// R0816 and R0842. When reading from Orbax: R0831 and R0832.
Result<std::unique_ptr<TensorStore>> open_store(const std::filesystem::path& path, Diagnostics& diags);

struct SafetensorsOptions {
  /// A shard takes tensors up to so many bytes, one at least. huggingface_hub's default, 5 GB.
  std::uint64_t max_shard_bytes = 5'000'000'000;
};

/// Writes `model.safetensors`, or shards and their index if one is not enough, into a folder that exists. Byte for byte
/// what the format's own writer makes of the same tensors: sorted by dtype and name within a file, header padded to 8
/// bytes, `__metadata__` `{"format":"pt"}`.
///
/// The caller owns the folder and its commit: write into a temporary one, rename it when all is done.
/// Errors: R0809.
std::unique_ptr<TensorSink> safetensors_sink(std::filesystem::path folder, SafetensorsOptions options = {});

/// How an Orbax checkpoint is stored. The defaults are what reads and writes fastest.
struct OrbaxOptions {
  int zarr_version = 3;        ///< 2 for Orbax before January 2024
  bool is_compressed = false;  ///< by zstd, at Orbax's own level; about a quarter smaller, and many times slower
  bool has_database = true;    ///< OCDBT: few large files; else a folder an array and a file a value
  bool one_chunk = false;      ///< every tensor in one chunk, as MaxText's converter stores them on one device

  /// Axis, counted from 0 -> into how many chunks it is cut, such as fit the devices of a mesh. Each holds for the
  /// tensors whose axis can be cut so into equal pieces; what the others have is cut as if it had not been said.
  std::map<std::size_t, std::int64_t> chunks;
  /// By tensor, the axes along which it is cut one thick: those of `Model::stacked_axes`, so that a tensor of the other
  /// side fills whole chunks.
  std::map<std::string, std::vector<std::size_t>> stacked;

  /// Goes into `_CHECKPOINT_METADATA`. MaxText puts `scan_layers` there, and refuses to load what differs from its
  /// configuration.
  std::map<std::string, bool> custom_metadata;

  /// Tensors of more are cut, to chunks of about so many. Nothing: 4 MiB, or 16 MiB where each chunk is a value of its
  /// own (compressed, or zarr 2).
  std::optional<std::uint64_t> chunk_bytes;
  /// A data file takes values up to so many bytes, one at least.
  std::uint64_t max_data_file_bytes = std::uint64_t{2} << 30U;
};

/// Writes `0/items` into a folder that exists: step 0 of an Orbax checkpoint, as MaxText's converter lays it out and
/// its `load_parameters_path` and Orbax 0.12 load it (https://orbax.readthedocs.io, "Checkpoint format"). A tensor
/// `decoder.norm.scale` is the leaf `params`, `params`, `decoder`, `norm`, `scale`; `step` is 0 and `opt_state` empty.
///
/// Until `commit` all is in `0.orbax-checkpoint-tmp`, which every reader takes for unfinished. The caller owns the
/// folder, as for `safetensors_sink`. `write` may be called from several threads at once, each with its own
/// `Diagnostics`, and gives every byte once. What is raw goes to its place at once; of what is compressed, chunks that
/// are not complete are kept in memory.
///
/// Errors of `begin`: R0809, R0843 what Orbax cannot hold, R0903 options that fit nothing. Of the others: R0809.
std::unique_ptr<TensorSink> orbax_sink(std::filesystem::path folder, OrbaxOptions options = {});

}  // namespace rulec
