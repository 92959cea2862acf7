// SPDX-License-Identifier: Apache-2.0
#include "engine/zarr/choose_chunks.h"

#include <algorithm>
#include <variant>

#include "grammar/messages.h"

namespace rulec::zarr {
namespace {

// As a float: sizes of arrays that nobody can store may overflow here, and nothing is made of the exact number.
double bytes_of(const Shape& shape, std::size_t element_bytes) {
  auto bytes = static_cast<double>(element_bytes);
  for (const std::int64_t extent : shape) bytes *= static_cast<double>(extent);
  return bytes;
}

// Calls `use` with every divisor of `n`.
template <class Use>
void for_each_divisor(std::int64_t n, Use use) {
  for (std::int64_t d = 1; d <= n / d; ++d) {
    if (n % d != 0) continue;
    use(d);
    if (d != n / d) use(n / d);
  }
}

// The divisor of `extent` that brings `bytes` nearest to `wanted`, by ratio; of two, the smaller.
std::int64_t pieces_nearest(std::int64_t extent, double bytes, double wanted) {
  std::int64_t best = 1;
  const auto distance = [&](std::int64_t pieces) {
    const double ratio = bytes / static_cast<double>(pieces) / wanted;
    return ratio < 1 ? 1 / ratio : ratio;
  };
  for_each_divisor(extent, [&](std::int64_t pieces) {
    const double difference = distance(pieces) - distance(best);
    if (difference < 0 || (difference == 0 && pieces < best)) best = pieces;
  });
  return best;
}

// The smallest divisor of `extent` that brings `bytes` to at most `most`, or the largest there is.
std::int64_t pieces_under(std::int64_t extent, double bytes, double most) {
  std::int64_t best = extent;
  for_each_divisor(extent, [&](std::int64_t pieces) {
    if (pieces < best && bytes / static_cast<double>(pieces) <= most) best = pieces;
  });
  return best;
}

Shape chunk_of(const Shape& whole, std::size_t element_bytes, const ChunkOptions& options) {
  const auto wanted = static_cast<double>(options.chunk_bytes);
  Shape chunk = whole;
  for (const auto& [axis, pieces] : options.pieces) chunk[axis] /= pieces;
  if (bytes_of(chunk, element_bytes) <= wanted) return chunk;
  for (const std::size_t axis : options.stacked) {
    if (!options.pieces.contains(axis)) chunk[axis] = 1;
  }
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    const double bytes = bytes_of(chunk, element_bytes);
    if (bytes <= wanted) break;
    if (chunk[axis] == 1 || options.pieces.contains(axis)) continue;
    chunk[axis] /= pieces_nearest(chunk[axis], bytes, wanted);
    if (chunk[axis] > 1) break;  // whatever is cut behind it would not be contiguous
  }
  return chunk;
}

Shape value_of(const Shape& whole, const Shape& chunk, std::size_t element_bytes, const ChunkOptions& options) {
  const auto most = static_cast<double>(options.value_bytes);
  Shape value = whole;
  for (std::size_t axis = 0; axis < value.size(); ++axis) {
    const double bytes = bytes_of(value, element_bytes);
    if (bytes <= most) break;
    value[axis] /= pieces_under(value[axis] / chunk[axis], bytes, most);
  }
  return value;
}

}  // namespace

Result<ChunkShapes> choose_chunks(const Shape& shape, std::size_t element_bytes, const ChunkOptions& options,
                                  Diagnostics& diags) {
  Shape whole = shape;
  for (std::int64_t& extent : whole) extent = std::max<std::int64_t>(extent, 1);  // a chunk is never empty
  if (options.one_chunk) return ChunkShapes{whole, whole};
  for (const auto& [axis, pieces] : options.pieces) {
    if (axis >= shape.size()) {
      return report(diags, std::monostate{}, diag::Usage,
                    fmt::format("a tensor of {} has no axis {}", to_string(shape), axis));
    }
    if (pieces < 1 || whole[axis] % pieces != 0) {
      return report(diags, std::monostate{}, diag::Usage,
                    fmt::format("axis {} of {} cannot be cut into {} equal pieces", axis, to_string(shape), pieces));
    }
  }
  const Shape chunk = chunk_of(whole, element_bytes, options);
  return ChunkShapes{options.has_shards ? value_of(whole, chunk, element_bytes, options) : chunk, chunk};
}

}  // namespace rulec::zarr
