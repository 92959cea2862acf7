// SPDX-License-Identifier: Apache-2.0
#include "tests/chunked_memory.h"

#include <doctest/doctest.h>

#include <algorithm>

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

// Anywhere, but the same whenever it is asked for.
StoredAt some_place(std::size_t tensor, const Shape& chunk) {
  std::uint64_t offset = 12345 * (tensor + 1);
  for (const std::int64_t x : chunk) offset = offset * 31 + static_cast<std::uint64_t>(x);
  return {tensor % 3, offset};
}

}  // namespace

ChunkedMemory::ChunkedMemory(const MemoryStore& store, unsigned seed) : store_(&store) {
  std::mt19937 random(seed);
  for (const TensorInfo& info : store.tensors()) {
    shapes_.push_back(random_chunk(info.shape, random));
    is_raw_.push_back(random() % 3 != 0);
  }
}

std::optional<StoredAt> ChunkedMemory::place(std::size_t tensor, const Shape& chunk) const {
  return some_place(tensor, chunk);
}

std::uint64_t ChunkedMemory::stored_bytes(std::size_t tensor, const Shape& /*chunk*/) const {
  return is_raw_[tensor] ? 0 : 100;
}

Status ChunkedMemory::read_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                                 std::span<std::byte> into, Room room, Diagnostics& /*diags*/) const {
  // Who lends memory lends enough, and nothing that anything else lies in.
  CHECK((room.elsewhere.empty() || room.elsewhere.size() >= stored_bytes(tensor, chunk)));
  std::ranges::fill(room.elsewhere, std::byte{0xdd});
  const TensorInfo& info = tensors()[tensor];
  const std::size_t size = element_bytes(info.dtype);
  const std::span<const std::byte> all = store_->bytes(info.name);
  std::vector<std::byte> bytes(static_cast<std::size_t>(*cells(shapes_[tensor])) * size, std::byte{0xee});
  each_cell(info.shape, shapes_[tensor], chunk, [&](std::size_t from, std::size_t to) {
    std::ranges::copy(all.subspan(from * size, size), bytes.begin() + static_cast<std::ptrdiff_t>(to * size));
  });
  CHECK((is_raw_[tensor] || (offset == 0 && into.size() == bytes.size())));
  REQUIRE(offset + into.size() <= bytes.size());
  std::ranges::copy(std::span(bytes).subspan(offset, into.size()), into.begin());
  return Done{};
}

Status ChunkedMemorySink::begin(std::span<const TensorInfo> /*tensors*/, Diagnostics& /*diags*/) {
  return Done{};
}

Status ChunkedMemorySink::lay_out(std::span<const TensorInfo> tensors, Diagnostics& /*diags*/) {
  for (const TensorInfo& info : tensors)
    tensors_.push_back({info, random_chunk(info.shape, random_), random_() % 3 != 0, {}});
  return Done{};
}

Status ChunkedMemorySink::write(std::size_t /*index*/, std::uint64_t /*offset*/, std::span<const std::byte> bytes,
                                Diagnostics& /*diags*/) {
  CHECK(bytes.empty());
  return Done{};
}

std::optional<StoredAt> ChunkedMemorySink::place(std::size_t tensor, const Shape& chunk) const {
  return some_place(tensor, chunk);
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
