// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/array.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/file/printable.h"
#include "engine/tensor/strided.h"
#include "engine/zarr/chunk_codec.h"
#include "engine/zarr/raw_read.h"
#include "grammar/internal_error.h"
#include "grammar/messages.h"

namespace rulec::zarr {
namespace {

Shape in_bytes(Shape shape, ElementType type) {
  if (shape.empty()) shape.push_back(1);
  shape.back() *= static_cast<std::int64_t>(element_bytes(type));
  return shape;
}

// From a chunk whose first cell has the position `origin`, and which lies as `source` says, to where the cells of
// `part` stand in an array of these strides.
StridedCopy copy_of(const Box& part, const Shape& origin, const Shape& source, const Shape& target,
                    std::int64_t target_begin) {
  StridedCopy copy;
  copy.target_offset = -target_begin;
  for (std::size_t axis = 0; axis < origin.size(); ++axis) {
    copy.axes.push_back({part.end[axis] - part.begin[axis], source[axis], target[axis]});
    copy.source_offset += (part.begin[axis] - origin[axis]) * source[axis];
    copy.target_offset += part.begin[axis] * target[axis];
  }
  return copy;
}

}  // namespace

Array::Array(const ChunkSource& source, std::string name, MissingChunks missing, ChunkCache& cache,
             ArrayMetadata metadata)
    : source_(&source),
      name_(std::move(name)),
      missing_(missing),
      cache_(&cache),
      id_(cache.new_array()),
      metadata_(std::move(metadata)),
      grid_(metadata_),
      byte_shape_(in_bytes(metadata_.shape, metadata_.type)),
      byte_chunk_(in_bytes(metadata_.chunk_shape, metadata_.type)) {}

Result<Array> Array::open(const ChunkSource& source, std::string name, MissingChunks missing, ChunkCache& cache,
                          Diagnostics& diags) {
  const std::optional<std::uint64_t> zarr3 = source.size(Zarr3Key);
  const std::optional<std::uint64_t> zarr2 = source.size(Zarr2Key);
  const std::string_view key = zarr3 ? Zarr3Key : Zarr2Key;
  const std::string where = source.where(key);
  if (zarr3.has_value() == zarr2.has_value()) {
    return report(diags, FilePlace{where, {}}, diag::BadZarr, printable(name),
                  zarr3 ? "it has both `zarr.json` and `.zarray`" : "it has neither `zarr.json` nor `.zarray`");
  }
  const std::uint64_t bytes = zarr3 ? *zarr3 : *zarr2;
  if (bytes > MaxMetadataBytes) {
    return report(diags, FilePlace{where, {}}, diag::OverLimit,
                  fmt::format("`{}` has {} bytes", printable(where), bytes), fmt::format("{}", MaxMetadataBytes));
  }
  std::string text(static_cast<std::size_t>(bytes), '\0');
  if (!source.read(key, 0, std::as_writable_bytes(std::span(text)), diags)) return diags.failed();
  Result<ArrayMetadata> metadata = zarr3 ? parse_zarr3(text, where, diags) : parse_zarr2(text, where, diags);
  if (!metadata) return diags.failed();
  return Array(source, std::move(name), missing, cache, *std::move(metadata));
}

bool Array::has_key(std::string_view key) const {
  return key == (metadata_.zarr_version == 3 ? Zarr3Key : Zarr2Key) || grid_.has_key(key);
}

std::uint64_t Array::bytes() const {
  return static_cast<std::uint64_t>(*cells(byte_shape_));
}

std::string Array::chunk_name(const Shape& chunk) const {
  const std::string key = grid_.key(grid_.value_of(chunk));
  if (!metadata_.shards || grid_.slots() == 1) return key;
  return fmt::format("{}, inner chunk {}", key, grid_.slot_of(chunk));
}

Finding Array::bad_chunk(const Shape& chunk, std::uint64_t offset, std::string_view what, Diagnostics& diags) const {
  const std::string key = grid_.key(grid_.value_of(chunk));
  return report(diags, FilePlace{source_->where(key), offset}, diag::BadChunk, chunk_name(chunk), printable(name_),
                what);
}

Status Array::read(std::uint64_t offset, std::span<std::byte> into, Diagnostics& diags) const {
  RULEC_ASSERT(offset <= bytes() && into.size() <= bytes() - offset);
  if (into.empty()) return Done{};
  const auto begin = static_cast<std::int64_t>(offset);
  for (const Box& box : boxes_of_range(byte_shape_, begin, begin + static_cast<std::int64_t>(into.size()))) {
    Box chunks;
    for (std::size_t axis = 0; axis < byte_chunk_.size(); ++axis) {
      chunks.begin.push_back(box.begin[axis] / byte_chunk_[axis]);
      chunks.end.push_back((box.end[axis] - 1) / byte_chunk_[axis] + 1);
    }
    Shape chunk = chunks.begin;
    do {
      Box part = box;
      for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
        const std::int64_t first = chunk[axis] * byte_chunk_[axis];
        part.begin[axis] = std::max(part.begin[axis], first);
        if (box.end[axis] - first > byte_chunk_[axis]) part.end[axis] = first + byte_chunk_[axis];
      }
      if (const Status status = read_part(chunk, part, offset, into, diags); !status) return status;
    } while (advance(chunk, chunks));
  }
  return Done{};
}

Status Array::read_part(const Shape& byte_position, const Box& part, std::uint64_t offset, std::span<std::byte> into,
                        Diagnostics& diags) const {
  Shape chunk = byte_position;
  chunk.resize(metadata_.shape.size());
  const Result<std::optional<ChunkPlace>> stored = place(chunk, diags);
  if (!stored) return diags.failed();
  const auto begin = static_cast<std::int64_t>(offset);
  if (!*stored) {
    if (!missing(chunk, diags)) return diags.failed();
    fill(part, begin, into);
    return Done{};
  }
  Shape origin(byte_position.size());
  std::ranges::transform(byte_position, byte_chunk_, origin.begin(), std::multiplies{});
  const StridedCopy copy = copy_of(part, origin, c_strides(byte_chunk_), c_strides(byte_shape_), begin);
  const ChunkPlace& found = **stored;
  if (metadata_.codecs.is_raw()) return read_strided(*source_, found.key, found.extent.offset, copy, into, diags);
  const auto make = [&]() -> std::optional<std::vector<std::byte>> {
    Result<std::vector<std::byte>> made = decoded(chunk, found, diags);
    if (!made) return std::nullopt;
    return *std::move(made);
  };
  const ChunkCache::Bytes bytes = cache_->get({id_, false, index_of(chunk, grid_.chunk_grid())}, make);
  if (!bytes) return diags.failed();
  copy_strided(copy, 1, *bytes, into);
  return Done{};
}

Status Array::missing(const Shape& chunk, Diagnostics& diags) const {
  if (missing_ != MissingChunks::AreErrors) return Done{};
  const std::string key = grid_.key(grid_.value_of(chunk));
  return report(diags, FilePlace{source_->where(key), {}}, diag::MissingChunk, printable(name_), chunk_name(chunk));
}

Status Array::read_chunk(const Shape& chunk, std::uint64_t offset, std::span<std::byte> into, Room room,
                         Diagnostics& diags) const {
  RULEC_ASSERT(offset <= chunk_bytes(metadata_) && into.size() <= chunk_bytes(metadata_) - offset);
  const Result<std::optional<ChunkPlace>> stored = place(chunk, diags);
  if (!stored) return diags.failed();
  if (!*stored) {
    if (!missing(chunk, diags)) return diags.failed();
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = metadata_.fill[(offset + i) % metadata_.fill.size()];
    return Done{};
  }
  const ChunkPlace& found = **stored;
  if (metadata_.codecs.is_raw()) return source_->read(found.key, found.extent.offset + offset, into, diags, room);
  if (into.size() == chunk_bytes(metadata_)) {
    const auto length = static_cast<std::size_t>(found.extent.length);
    if (length <= room.elsewhere.size()) return decode(chunk, found, into, room.elsewhere.first(length), diags);
    if (!check_sizes(chunk, found, diags)) return diags.failed();
    std::vector<std::byte> stored(length);
    return decode(chunk, found, into, stored, diags);
  }
  const Result<std::vector<std::byte>> bytes = decoded(chunk, found, diags);
  if (!bytes) return diags.failed();
  std::ranges::copy(std::span(*bytes).subspan(static_cast<std::size_t>(offset), into.size()), into.begin());
  return Done{};
}

// The fill value over and over, from where in an element `part` begins, for each of its rows.
void Array::fill(const Box& part, std::int64_t offset, std::span<std::byte> into) const {
  const auto begin = static_cast<std::size_t>(part.begin.back());
  std::vector<std::byte> row(static_cast<std::size_t>(part.end.back() - part.begin.back()));
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = metadata_.fill[(begin + i) % metadata_.fill.size()];
  Shape repeated(part.begin.size());
  repeated.back() = 1;
  copy_strided(copy_of(part, part.begin, repeated, c_strides(byte_shape_), offset), 1, row, into);
}

Result<std::optional<ChunkPlace>> Array::place(const Shape& chunk, Diagnostics& diags) const {
  std::string key = grid_.key(grid_.value_of(chunk));
  const std::optional<std::uint64_t> value_bytes = source_->size(key);
  if (!value_bytes) return std::optional<ChunkPlace>();
  std::optional<Extent> extent = Extent{0, *value_bytes};
  if (metadata_.shards) {
    Result<std::optional<Extent>> found = shard_extent(chunk, key, *value_bytes, diags);
    if (!found) return diags.failed();
    extent = *found;
  }
  if (!extent) return std::optional<ChunkPlace>();
  const std::uint64_t expected = chunk_bytes(metadata_);
  if (metadata_.codecs.is_raw() && extent->length != expected) {
    return bad_chunk(chunk, extent->offset, fmt::format("it has {} bytes, expected {}", extent->length, expected),
                     diags);
  }
  return std::optional(ChunkPlace{std::move(key), *extent});
}

Result<std::optional<Extent>> Array::shard_extent(const Shape& chunk, const std::string& key, std::uint64_t value_bytes,
                                                  Diagnostics& diags) const {
  const ShardIndexForm& form = *metadata_.shards;
  const std::uint64_t bytes = index_bytes(form, grid_.slots());
  if (bytes > value_bytes) {
    return bad_chunk(chunk, value_bytes,
                     fmt::format("the shard has {} bytes, its index alone has {}", value_bytes, bytes), diags);
  }
  const Extent at = index_extent(form, grid_.slots(), value_bytes);
  const std::int64_t number = index_of(grid_.value_of(chunk), grid_.value_grid());
  const auto read_index = [&]() -> std::optional<std::vector<std::byte>> {
    std::vector<std::byte> index(static_cast<std::size_t>(bytes));
    if (!source_->read(key, at.offset, index, diags)) return std::nullopt;
    const std::string wrong = what_is_wrong(index, form);
    if (wrong.empty()) return index;
    bad_chunk(chunk, at.offset, wrong, diags);
    return std::nullopt;
  };
  const ChunkCache::Bytes index = cache_->get({id_, true, number}, read_index);
  if (!index) return diags.failed();
  const std::optional<Extent> extent = entry(*index, form, grid_.slot_of(chunk));
  if (extent && (extent->offset > value_bytes || extent->length > value_bytes - extent->offset)) {
    return bad_chunk(
        chunk, at.offset,
        fmt::format("its {} bytes from {} on leave the shard of {}", extent->length, extent->offset, value_bytes),
        diags);
  }
  return extent;
}

/// Whether so much may be in memory.
Status Array::check_sizes(const Shape& chunk, const ChunkPlace& place, Diagnostics& diags) const {
  const std::uint64_t bytes = chunk_bytes(metadata_);
  if (bytes > MaxDecodedBytes) {
    return report(diags, FilePlace{source_->where(place.key), {}}, diag::OverLimit,
                  fmt::format("a chunk of tensor `{}`, which is to be unpacked, has {} bytes", printable(name_), bytes),
                  fmt::format("{}", MaxDecodedBytes));
  }
  if (const std::uint64_t most = max_stored_bytes(metadata_); place.extent.length > most) {
    return bad_chunk(chunk, place.extent.offset,
                     fmt::format("it is stored in {} bytes, expected at most {}", place.extent.length, most), diags);
  }
  return Done{};
}

/// The whole chunk; `stored` is memory for what it is stored in.
Status Array::decode(const Shape& chunk, const ChunkPlace& place, std::span<std::byte> into,
                     std::span<std::byte> stored, Diagnostics& diags) const {
  if (!check_sizes(chunk, place, diags) || !source_->read(place.key, place.extent.offset, stored, diags))
    return diags.failed();
  const std::string wrong = decode_chunk(stored, metadata_, into);
  if (!wrong.empty()) return bad_chunk(chunk, place.extent.offset, wrong, diags);
  return Done{};
}

Result<std::vector<std::byte>> Array::decoded(const Shape& chunk, const ChunkPlace& place, Diagnostics& diags) const {
  if (!check_sizes(chunk, place, diags)) return diags.failed();
  std::vector<std::byte> stored(static_cast<std::size_t>(place.extent.length));
  if (!source_->read(place.key, place.extent.offset, stored, diags)) return diags.failed();
  Decoded decoded = decode_chunk(std::move(stored), metadata_);
  if (decoded) return std::move(decoded.bytes);
  return bad_chunk(chunk, place.extent.offset, decoded.error, diags);
}

}  // namespace rulec::zarr
