// SPDX-License-Identifier: Apache-2.0
// A range of an array falls into parts of chunks: each byte once, each part in one piece of its chunk.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/store/orbax/write_parts.h"

namespace rulec::orbax_write_parts_test {

using namespace orbax;

namespace {

// Shapes up to rank 4 and chunks that divide them.
zarr::ArrayLayout random_layout(std::mt19937& random) {
  Shape shape, chunk;
  for (std::size_t rank = random() % 5; rank > 0; --rank) {
    chunk.push_back(1 + static_cast<std::int64_t>(random() % 4));
    shape.push_back(chunk.back() * (1 + static_cast<std::int64_t>(random() % 3)));
  }
  return {shape, random() % 2 == 0 ? zarr::ElementType::UInt8 : zarr::ElementType::Int32, {shape, chunk}, {}};
}

// Which byte of the array a byte of a chunk is: the slow way.
std::int64_t byte_of_array(const zarr::ArrayMetadata& array, const Shape& chunk, std::int64_t byte) {
  const auto each = static_cast<std::int64_t>(zarr::element_bytes(array.type));
  Shape cell = position_of(byte / each, array.chunk_shape);
  for (std::size_t axis = 0; axis < cell.size(); ++axis) cell[axis] += chunk[axis] * array.chunk_shape[axis];
  return index_of(cell, array.shape) * each + byte % each;
}

}  // namespace

TEST_CASE("every byte of a range comes once, at its place") {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const zarr::ArrayLayout layout = random_layout(random);
    const zarr::ArrayMetadata& array = layout.metadata();
    const auto bytes = static_cast<std::uint64_t>(*cells(array.shape)) * zarr::element_bytes(array.type);
    const std::uint64_t offset = random() % bytes;
    const std::uint64_t size = 1 + random() % (bytes - offset);
    std::vector<int> seen(size);
    CHECK(for_each_part(layout, offset, size, [&](const ChunkPart& part) {
      const Shape chunk = position_of(part.chunk, layout.grid().chunk_grid());
      const Box all{Shape(part.copy.axes.size()), [&] {
                      Shape end;
                      for (const StridedAxis& axis : part.copy.axes) end.push_back(axis.extent);
                      return end;
                    }()};
      Shape at = all.begin;
      std::int64_t last = part.copy.target_offset - 1;
      do {
        std::int64_t from = part.copy.source_offset;
        std::int64_t to = part.copy.target_offset;
        for (std::size_t axis = 0; axis < at.size(); ++axis) {
          from += at[axis] * part.copy.axes[axis].source_stride;
          to += at[axis] * part.copy.axes[axis].target_stride;
        }
        CHECK(to == last + 1);  // one piece
        last = to;
        CHECK(byte_of_array(array, chunk, to) == static_cast<std::int64_t>(offset) + from);
        ++seen[static_cast<std::size_t>(from)];
      } while (advance(at, all));
      return true;
    }));
    CHECK(seen == std::vector<int>(size, 1));
  }
}

TEST_CASE("the parts of a range stop where the caller does") {
  const zarr::ArrayLayout layout({6}, zarr::ElementType::UInt8, {{6}, {2}}, {});
  int parts = 0;
  CHECK(!for_each_part(layout, 0, 6, [&](const ChunkPart&) { return ++parts < 2; }));
  CHECK(parts == 2);
}

}  // namespace rulec::orbax_write_parts_test
