// SPDX-License-Identifier: Apache-2.0
#include "engine/store/chunk_access.h"

#include "grammar/internal_error.h"

namespace rulec {

ChunkReader::ChunkReader(const TensorStore& store, const ChunkedStore* chunked, std::span<const TensorInfo> tensors)
    : store_(&store), chunked_(chunked) {
  for (const TensorInfo& tensor : tensors) {
    const std::optional<std::size_t> index = find_tensor(store.tensors(), tensor.name);
    RULEC_ASSERT(index && store.tensors()[*index] == tensor);
    indices_.push_back(*index);
  }
}

ChunkForm ChunkReader::form(std::size_t tensor) const {
  if (chunked_ == nullptr) return {info(tensor).shape, true};
  return {chunked_->chunk_shape(indices_[tensor]), chunked_->is_raw(indices_[tensor])};
}

std::optional<StoredAt> ChunkReader::place(std::size_t tensor, const Shape& chunk) const {
  if (chunked_ == nullptr) return std::nullopt;
  return chunked_->place(indices_[tensor], chunk);
}

std::uint64_t ChunkReader::stored_bytes(std::size_t tensor, const Shape& chunk) const {
  return chunked_ == nullptr ? 0 : chunked_->stored_bytes(indices_[tensor], chunk);
}

Status ChunkReader::read(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<std::byte> into,
                         Room room, Diagnostics& diags) const {
  if (chunked_ == nullptr) return store_->read(indices_[tensor], offset, into, diags);
  return chunked_->read_chunk(indices_[tensor], chunk, offset, into, room, diags);
}

Status ChunkReader::read_range(StoredAt from, std::span<std::byte> into, Room room, Diagnostics& diags) const {
  RULEC_ASSERT(chunked_ != nullptr);
  return chunked_->read_range(from, into, room, diags);
}

Status ChunkReader::read_whole(std::size_t tensor, std::span<std::byte> into, Diagnostics& diags) const {
  return store_->read(indices_[tensor], 0, into, diags);
}

ChunkForm ChunkWriter::form(std::size_t tensor) const {
  if (chunked_ == nullptr) return {tensors_[tensor].shape, true};
  return {chunked_->chunk_shape(tensor), chunked_->is_raw(tensor)};
}

std::optional<StoredAt> ChunkWriter::place(std::size_t tensor, const Shape& chunk) const {
  return chunked_ == nullptr ? std::nullopt : chunked_->place(tensor, chunk);
}

std::uint64_t ChunkWriter::stored_bytes(std::size_t tensor) const {
  return chunked_ == nullptr ? 0 : chunked_->stored_bytes(tensor);
}

Status ChunkWriter::write(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                          std::span<const std::byte> bytes, std::span<std::byte> room, Diagnostics& diags) {
  if (chunked_ != nullptr) return chunked_->write_chunk(tensor, chunk, offset, bytes, room, diags);
  const std::lock_guard lock(mutex_);
  return sink_->write(tensor, offset, bytes, diags);
}

Status ChunkWriter::write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                                Diagnostics& diags) {
  RULEC_ASSERT(chunked_ != nullptr);
  return chunked_->write_range(from, chunks, bytes, diags);
}

}  // namespace rulec
