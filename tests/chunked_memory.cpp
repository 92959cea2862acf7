// SPDX-License-Identifier: Apache-2.0
#include "tests/chunked_memory.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/tensor/box.h"
#include "engine/tensor/element_bytes.h"

namespace rulec::testing {
namespace {

Shape random_chunk(const Shape& shape, std::mt19937& random) {
  Shape chunk;
  for (const std::int64_t extent : shape)
    chunk.push_back(std::uniform_int_distribution<std::int64_t>(1, std::max<std::int64_t>(1, extent + 1))(random));
  if (random() % 3 == 0) chunk = shape;
  for (std::int64_t& extent : chunk) extent = std::max<std::int64_t>(1, extent);
  return chunk;
}

/// Calls `use(cell of the tensor, cell of the chunk)` for all cells that a chunk has of a tensor.
template <class Use>
void each_cell(const Shape& shape, const Shape& chunk_shape, const Shape& chunk, const Use& use) {
  const std::int64_t count = *cells(chunk_shape);
  for (std::int64_t i = 0; i < count; ++i) {
    Shape at = position_of(i, chunk_shape);
    bool is_in = true;
    for (std::size_t a = 0; a < at.size(); ++a) {
      at[a] += chunk[a] * chunk_shape[a];
      is_in = is_in && at[a] < shape[a];
    }
    if (is_in) use(static_cast<std::size_t>(index_of(at, shape)), static_cast<std::size_t>(i));
  }
}

Shape chunk_grid(const Shape& shape, const Shape& chunk) {
  Shape grid;
  for (std::size_t a = 0; a < shape.size(); ++a)
    grid.push_back(divided_up(std::max<std::int64_t>(1, shape[a]), chunk[a]));
  return grid;
}

std::uint64_t chunk_count(const Shape& shape, const Shape& chunk) {
  return static_cast<std::uint64_t>(*cells(chunk_grid(shape, chunk)));
}

}  // namespace

std::vector<StoredAt> some_places(const std::vector<std::uint64_t>& bytes, std::mt19937& random) {
  std::vector<std::size_t> order(bytes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, random);
  std::array<std::uint64_t, 2> ends{random() % 5000, random() % 5000};
  std::vector<StoredAt> places(bytes.size());
  for (const std::size_t i : order) {
    const std::size_t file = random() % 4 == 0 ? 1 : 0;
    if (random() % 2 == 0) ends[file] += random() % 3 == 0 ? 5000 : random() % 30;
    places[i] = {file, ends[file]};
    ends[file] += bytes[i];
  }
  return places;
}

ChunkedMemory::ChunkedMemory(const MemoryStore& store, unsigned seed) : store_(&store) {
  std::mt19937 random(seed);
  for (const TensorInfo& info : store.tensors()) {
    shapes_.push_back(random_chunk(info.shape, random));
    is_raw_.push_back(random() % 3 != 0);
  }
  std::vector<std::uint64_t> bytes;
  for (std::size_t t = 0; t < shapes_.size(); ++t)
    bytes.push_back(chunk_count(tensors()[t].shape, shapes_[t]) * chunk_bytes(t));
  places_ = some_places(bytes, random);
}

std::uint64_t ChunkedMemory::chunk_bytes(std::size_t tensor) const {
  return static_cast<std::uint64_t>(*cells(shapes_[tensor])) * element_bytes(tensors()[tensor].dtype);
}

std::optional<StoredAt> ChunkedMemory::place(std::size_t tensor, const Shape& chunk) const {
  const std::int64_t number = index_of(chunk, chunk_grid(tensors()[tensor].shape, shapes_[tensor]));
  return StoredAt{places_[tensor].file,
                  places_[tensor].offset + static_cast<std::uint64_t>(number) * chunk_bytes(tensor)};
}

std::uint64_t ChunkedMemory::stored_bytes(std::size_t tensor, const Shape& /*chunk*/) const {
  return is_raw_[tensor] ? 0 : 100;
}

Status ChunkedMemory::read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                                 std::span<std::byte> into, Room room, Diagnostics& /*diags*/) const {
  // Who lends memory lends enough, and nothing that anything else lies in.
  CHECK((room.elsewhere.empty() || room.elsewhere.size() >= stored_bytes(tensor, chunk)));
  std::ranges::fill(room.elsewhere, std::byte{0xdd});
  const std::vector<std::byte> bytes = stored_chunk(tensor, chunk);
  CHECK((is_raw_[tensor] || (offset == 0 && into.size() == bytes.size())));
  REQUIRE(offset + into.size() <= bytes.size());
  std::ranges::copy(std::span(bytes).subspan(offset, into.size()), into.begin());
  return Done{};
}

std::vector<std::byte> ChunkedMemory::stored_chunk(std::size_t tensor, const Shape& chunk) const {
  const TensorInfo& info = tensors()[tensor];
  const std::size_t size = element_bytes(info.dtype);
  const std::span<const std::byte> all = store_->bytes(info.name);
  std::vector<std::byte> bytes(static_cast<std::size_t>(chunk_bytes(tensor)), std::byte{0xee});
  each_cell(info.shape, shapes_[tensor], chunk, [&](std::size_t from, std::size_t to) {
    std::ranges::copy(all.subspan(from * size, size), bytes.begin() + static_cast<std::ptrdiff_t>(to * size));
  });
  return bytes;
}

Status ChunkedMemory::read_range(StoredAt from, std::span<std::byte> into, Room /*room*/,
                                 Diagnostics& /*diags*/) const {
  ++ranges_;
  std::ranges::fill(into, std::byte{0xee});
  for (std::size_t t = 0; t < shapes_.size(); ++t) {
    if (!is_raw_[t] || places_[t].file != from.file) continue;
    const Shape grid = chunk_grid(tensors()[t].shape, shapes_[t]);
    for (std::int64_t i = 0; i < *cells(grid); ++i) {
      const std::vector<std::byte> bytes = stored_chunk(t, position_of(i, grid));
      const std::uint64_t at = places_[t].offset + static_cast<std::uint64_t>(i) * bytes.size();
      for (std::size_t k = 0; k < bytes.size(); ++k) {
        if (at + k >= from.offset && at + k - from.offset < into.size()) into[at + k - from.offset] = bytes[k];
      }
    }
  }
  return Done{};
}

Status ChunkedMemorySink::begin(std::span<const TensorInfo> /*tensors*/, Diagnostics& /*diags*/) {
  return Done{};
}

Status ChunkedMemorySink::lay_out(std::span<const TensorInfo> tensors, Diagnostics& /*diags*/) {
  for (const TensorInfo& info : tensors)
    tensors_.push_back({info, random_chunk(info.shape, random_), random_() % 3 != 0, {}});
  std::vector<std::uint64_t> bytes;
  for (std::size_t t = 0; t < tensors_.size(); ++t)
    bytes.push_back(chunk_count(tensors_[t].info.shape, tensors_[t].chunk) * chunk_bytes(t));
  places_ = some_places(bytes, random_);
  return Done{};
}

Status ChunkedMemorySink::write(std::size_t /*index*/, std::uint64_t /*offset*/, std::span<const std::byte> bytes,
                                Diagnostics& /*diags*/) {
  CHECK(bytes.empty());
  return Done{};
}

std::uint64_t ChunkedMemorySink::chunk_bytes(std::size_t tensor) const {
  return static_cast<std::uint64_t>(*cells(tensors_[tensor].chunk)) * element_bytes(tensors_[tensor].info.dtype);
}

std::optional<StoredAt> ChunkedMemorySink::place(std::size_t tensor, const Shape& chunk) const {
  if (!tensors_[tensor].is_raw) return std::nullopt;
  const std::int64_t number = index_of(chunk, chunk_grid(tensors_[tensor].info.shape, tensors_[tensor].chunk));
  return StoredAt{places_[tensor].file,
                  places_[tensor].offset + static_cast<std::uint64_t>(number) * chunk_bytes(tensor)};
}

Status ChunkedMemorySink::write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                                      Diagnostics& diags) {
  ++ranges_;
  std::uint64_t end = 0;
  for (const ChunkInRange& chunk : chunks) {
    CHECK(place(chunk.tensor, chunk.chunk) == StoredAt{from.file, from.offset + chunk.offset});
    CHECK(chunk.bytes == chunk_bytes(chunk.tensor));
    REQUIRE(chunk.offset >= end);
    end = chunk.offset + chunk.bytes;
    REQUIRE(end <= bytes.size());
    REQUIRE(write_chunk(chunk.tensor, chunk.chunk, 0, bytes.subspan(chunk.offset, chunk.bytes), {}, diags));
  }
  CHECK(end == bytes.size());
  // Nothing of another tensor lies between them: it would be lost.
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    const bool is_in = std::ranges::find(chunks, t, &ChunkInRange::tensor) != chunks.end();
    const std::uint64_t begin = places_[t].offset;
    CHECK((is_in || !tensors_[t].is_raw || places_[t].file != from.file || begin >= from.offset + bytes.size() ||
           begin + chunk_count(tensors_[t].info.shape, tensors_[t].chunk) * chunk_bytes(t) <= from.offset));
  }
  return Done{};
}

Status ChunkedMemorySink::write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                                      std::span<const std::byte> bytes, std::span<std::byte> room,
                                      Diagnostics& /*diags*/) {
  CHECK(room.size() >= stored_bytes(tensor));
  std::ranges::fill(room, std::byte{0xdd});
  const std::lock_guard lock(mutex_);
  Written& written = tensors_[tensor];
  const std::size_t all = static_cast<std::size_t>(*cells(written.chunk)) * element_bytes(written.info.dtype);
  auto& [there, is_there] = written.chunks.try_emplace(chunk, all, all).first->second;
  CHECK((written.is_raw || (offset == 0 && bytes.size() == all)));
  REQUIRE(offset + bytes.size() <= all);
  bool is_twice = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    is_twice = is_twice || is_there[offset + i];
    is_there[offset + i] = true;
    there[offset + i] = bytes[i];
  }
  CHECK(!is_twice);
  return Done{};
}

Status ChunkedMemorySink::commit(Diagnostics& /*diags*/) {
  for (Written& written : tensors_) {
    const std::size_t size = element_bytes(written.info.dtype);
    std::vector<std::byte> all(written.info.bytes());
    std::size_t filled = 0;
    bool is_missing = false;
    for (auto& [chunk, content] : written.chunks) {
      std::vector<std::byte>& bytes = content.first;
      each_cell(written.info.shape, written.chunk, chunk, [&](std::size_t to, std::size_t from) {
        is_missing = is_missing || !content.second[from * size];
        for (std::size_t i = 0; i < size; ++i) {
          all[to * size + i] = bytes[from * size + i];
          bytes[from * size + i] = {};
        }
        ++filled;
      });
      CHECK(std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; }));
    }
    CHECK(!is_missing);
    CHECK(filled * size == all.size());
    store.put(written.info, std::move(all));
  }
  return Done{};
}

}  // namespace rulec::testing
