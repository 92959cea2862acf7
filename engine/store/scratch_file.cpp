// SPDX-License-Identifier: Apache-2.0
#include "engine/store/scratch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <system_error>
#include <utility>

#include "engine/tensor/box.h"
#include "engine/tensor/element_bytes.h"
#include "grammar/internal_error.h"

namespace rulec {

ScratchFile::ScratchFile(const std::vector<Tensor>& tensors) {
  for (const Tensor& tensor : tensors) {
    Home home{tensor.chunk, {}, bytes_, bytes_of(tensor.info.dtype, *cells(tensor.chunk))};
    std::uint64_t chunks = 1;
    for (std::size_t axis = 0; axis < tensor.chunk.size(); ++axis) {
      home.grid.push_back(divided_up(tensor.info.shape[axis], tensor.chunk[axis]));
      chunks *= static_cast<std::uint64_t>(home.grid.back());
    }
    bytes_ += chunks * home.chunk_bytes;
    homes_.push_back(std::move(home));
  }
}

Status ScratchFile::begin(std::span<const TensorInfo> /*tensors*/, Diagnostics& diags) {
  std::random_device random;
  // A name that nobody has, for the moment until it is open both ways: no other process can take it for its own.
  const std::filesystem::path path = folder_ / fmt::format("scratch-{:08x}{:08x}", random(), random());
  Diagnostics said;
  Result<OutputFile> file = OutputFile::create(path, bytes_, said);
  if (!file) {
    for (Diagnostic wrong : said.all()) {
      wrong.helps.emplace_back("this file is for what memory does not hold; with more of it, there is none");
      diags.add(std::move(wrong));
    }
    return diags.failed();
  }
  Result<InputFile> reader = InputFile::open(path, diags);
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  if (!reader) return diags.failed();
  written_.emplace(*std::move(file));
  read_.emplace(*std::move(reader));
  return Done{};
}

Status ScratchFile::commit(Diagnostics& diags) {
  if (!written_->flush(diags)) return diags.failed();
  written_.reset();
  return read_->renew(diags);
}

Status ScratchFile::read(std::uint64_t offset, std::span<std::byte> into, Room room, Diagnostics& diags) const {
  RULEC_ASSERT(read_);
  return read_->read(offset, into, diags, room);
}

std::optional<StoredAt> ScratchFile::place(std::size_t tensor, const Shape& chunk) const {
  const Home& home = homes_[tensor];
  const auto index = static_cast<std::uint64_t>(index_of(chunk, home.grid));
  return StoredAt{Number, home.offset + index * home.chunk_bytes};
}

Status ScratchFile::write(std::size_t /*index*/, std::uint64_t /*offset*/, std::span<const std::byte> /*bytes*/,
                          Diagnostics& diags) {
  RULEC_ASSERT(false);  // it is written chunk by chunk
  return diags.failed();
}

Status ScratchFile::write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                                std::span<const std::byte> bytes, std::span<std::byte> /*room*/, Diagnostics& diags) {
  return written_->write(place(tensor, chunk)->offset + offset, bytes, diags);
}

Status ScratchFile::write_range(StoredAt from, std::span<const ChunkInRange> /*chunks*/, std::span<std::byte> bytes,
                                Diagnostics& diags) {
  return written_->write(from.offset, bytes, diags);
}

std::optional<std::size_t> RecutStore::recut(std::size_t tensor) const {
  const auto at = std::ranges::lower_bound(tensors_, tensor);
  if (at == tensors_.end() || *at != tensor) return std::nullopt;
  return static_cast<std::size_t>(at - tensors_.begin());
}

Shape RecutStore::chunk_shape(std::size_t tensor) const {
  const std::optional<std::size_t> number = recut(tensor);
  return number ? scratch_.chunk_shape(*number) : below_.chunk_shape(tensor);
}

std::optional<StoredAt> RecutStore::place(std::size_t tensor, const Shape& chunk) const {
  const std::optional<std::size_t> number = recut(tensor);
  return number ? scratch_.place(*number, chunk) : below_.place(tensor, chunk);
}

Status RecutStore::read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into,
                              Room room, Diagnostics& diags) const {
  const std::optional<std::size_t> number = recut(tensor);
  if (!number) return below_.read_chunk(tensor, chunk, offset, into, room, diags);
  return scratch_.read(scratch_.place(*number, chunk)->offset + offset, into, room, diags);
}

Status RecutStore::read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const {
  if (from.file != ScratchFile::Number) return below_.read_range(from, into, room, diags);
  return scratch_.read(from.offset, into, room, diags);
}

}  // namespace rulec
