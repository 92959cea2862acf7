// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/file/input_file.h"
#include "engine/file/output_file.h"
#include "engine/store/chunked.h"

#include <rulec/store.h>

namespace rulec {

/// Tensors in a file without a name that is written once and read: raw chunks of one size, at the edges too, one behind
/// the other in C order, tensor by tensor. It goes with its last user, however that ends.
class ScratchFile final : public TensorSink, public ChunkedSink {
 public:
  struct Tensor {
    TensorInfo info;
    Shape chunk;  ///< extents of each
  };
  explicit ScratchFile(const std::vector<Tensor>& tensors);
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  /// What `place` calls it: no file of another store has this number.
  static constexpr std::size_t Number = std::numeric_limits<std::size_t>::max() - 1;

  /// Of the file.
  std::uint64_t bytes() const { return bytes_; }

  /// The folder in which `begin` makes it.
  void lie_in(std::filesystem::path folder) { folder_ = std::move(folder); }

  /// After `commit`. See `ChunkedStore::read_range`. Errors: R0801, R0817.
  Status read(std::uint64_t offset, std::span<std::byte> into, Room room, Diagnostics& diags) const;

  /// Errors: R0809.
  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  /// Returns when the disk has all of it, so that what it could not take is known. Errors: R0801, R0809.
  Status commit(Diagnostics& diags) override;

  Status lay_out(std::span<const TensorInfo> /*tensors*/, Diagnostics& /*diags*/) override { return Done{}; }
  Shape chunk_shape(std::size_t tensor) const override { return homes_[tensor].chunk; }
  bool is_raw(std::size_t /*tensor*/) const override { return true; }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t /*tensor*/) const override { return 0; }
  Status write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<const std::byte> bytes,
                     std::span<std::byte> room, Diagnostics& diags) override;
  Status write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                     Diagnostics& diags) override;

 private:
  struct Home {
    Shape chunk;
    Shape grid;
    std::uint64_t offset = 0;  // of the first chunk
    std::uint64_t chunk_bytes = 0;
  };

  std::vector<Home> homes_;
  std::uint64_t bytes_ = 0;
  std::filesystem::path folder_;
  std::optional<OutputFile> written_;
  std::optional<InputFile> read_;
};

/// A store of which some tensors are read from a scratch file.
class RecutStore final : public ChunkedStore {
 public:
  /// `tensors` are those of the store `below` that the file has, in its order, sorted. Borrows the other two.
  RecutStore(const ChunkedStore& below, std::vector<std::size_t> tensors, const ScratchFile& scratch)
      : below_(below), tensors_(std::move(tensors)), scratch_(scratch) {}

  Shape chunk_shape(std::size_t tensor) const override;
  bool is_raw(std::size_t tensor) const override { return recut(tensor) || below_.is_raw(tensor); }
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t tensor, const Shape& chunk) const override {
    return recut(tensor) ? 0 : below_.stored_bytes(tensor, chunk);
  }
  const InputFile* file(std::size_t number) const override {
    return number == ScratchFile::Number ? nullptr : below_.file(number);
  }
  std::string identity() const override { return below_.identity(); }
  Status read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into, Room room,
                    Diagnostics& diags) const override;
  Status read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const override;

 private:
  /// The tensor's number in the file, if it is there.
  std::optional<std::size_t> recut(std::size_t tensor) const;

  const ChunkedStore& below_;
  std::vector<std::size_t> tensors_;
  const ScratchFile& scratch_;
};

}  // namespace rulec
