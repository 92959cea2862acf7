// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/layout.h"

#include <algorithm>
#include <utility>

#include "engine/tensor/strided.h"
#include "engine/zarr/chunk_codec.h"
#include "grammar/internal_error.h"

namespace rulec::zarr {
namespace {

ArrayMetadata metadata_of(Shape shape, ElementType type, ChunkShapes shapes, const WriteOptions& options) {
  const bool is_zarr3 = options.zarr_version == 3;
  RULEC_ASSERT(shapes.value.size() == shape.size() && shapes.chunk.size() == shape.size());
  RULEC_ASSERT(is_zarr3 || shapes.value == shapes.chunk);
  ArrayMetadata array;
  array.zarr_version = options.zarr_version;
  array.shape = std::move(shape);
  array.type = type;
  array.value_shape = std::move(shapes.value);
  array.chunk_shape = std::move(shapes.chunk);
  if (is_zarr3) array.shards = ShardIndexForm{};
  if (options.zstd_level) array.codecs.codecs.push_back({ByteCodec::Kind::Zstd, *options.zstd_level});
  array.fill.resize(element_bytes(type));
  array.has_prefix = is_zarr3;
  array.separator = is_zarr3 ? '/' : '.';
  return array;
}

std::int64_t count(const Box& box) {
  return *cells(box.shape());
}

}  // namespace

ArrayLayout::ArrayLayout(Shape shape, ElementType type, ChunkShapes shapes, const WriteOptions& options)
    : metadata_(metadata_of(std::move(shape), type, std::move(shapes), options)), grid_(metadata_) {}

std::vector<std::byte> ArrayLayout::encode(const Shape& chunk, std::span<const std::byte> box) const {
  const Shape extents = grid_.chunk_box(chunk).shape();
  const std::size_t bytes = element_bytes(metadata_.type);
  RULEC_ASSERT(box.size() == static_cast<std::size_t>(*cells(extents)) * bytes);
  if (extents == metadata_.chunk_shape) return encode_chunk({box.begin(), box.end()}, metadata_);
  const Shape from = c_strides(extents);
  const Shape to = c_strides(metadata_.chunk_shape);
  const auto each = static_cast<std::int64_t>(bytes);
  StridedCopy copy{.axes = {{each, 1, 1}}};
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    copy.axes.push_back({extents[axis], from[axis] * each, to[axis] * each});
  }
  std::vector<std::byte> whole(static_cast<std::size_t>(chunk_bytes(metadata_)));
  copy_strided(copy, 1, box, whole);
  return encode_chunk(std::move(whole), metadata_);
}

Extent ArrayLayout::raw_place(const Shape& chunk) const {
  RULEC_ASSERT(metadata_.codecs.is_raw());
  const Box all = grid_.chunks_of(grid_.value_of(chunk));
  Shape position(chunk.size());
  std::ranges::transform(chunk, all.begin, position.begin(), std::minus{});
  const std::uint64_t bytes = chunk_bytes(metadata_);
  return {static_cast<std::uint64_t>(index_of(position, all.shape())) * bytes, bytes};
}

std::vector<std::byte> ArrayLayout::raw_index(const Shape& value) const {
  if (!metadata_.shards) return {};
  std::vector<std::optional<Extent>> places(static_cast<std::size_t>(grid_.slots()));
  const Box all = grid_.chunks_of(value);
  Shape chunk = all.begin;
  do {
    places[static_cast<std::size_t>(grid_.slot_of(chunk))] = raw_place(chunk);
  } while (advance(chunk, all));
  return encode_index(places);
}

std::uint64_t ArrayLayout::raw_value_bytes(const Shape& value) const {
  const std::uint64_t chunks = static_cast<std::uint64_t>(count(grid_.chunks_of(value))) * chunk_bytes(metadata_);
  return chunks + raw_index_bytes();
}

std::uint64_t ArrayLayout::raw_index_bytes() const {
  return metadata_.shards ? index_bytes(*metadata_.shards, grid_.slots()) : 0;
}

}  // namespace rulec::zarr
