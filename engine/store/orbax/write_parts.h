// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "engine/tensor/strided.h"
#include "engine/zarr/layout.h"

namespace rulec::orbax {

/// Bytes of an array that belong to one of its chunks, and follow one another there: of a layer's rows, all that a
/// range has of them.
struct ChunkPart {
  std::int64_t chunk = 0;  ///< its number, in C order of the grid of chunks
  StridedCopy copy;        ///< of single bytes, from the given range to the chunk in C order
};

/// Calls `use` with what bytes [offset, offset + size) of an array, in C order, have in common with each of its chunks,
/// until it returns false; returns whether it never did. A chunk may come several times, each byte comes once. The
/// chunks divide the array without rest.
bool for_each_part(const zarr::ArrayLayout& layout, std::uint64_t offset, std::uint64_t size,
                   const std::function<bool(const ChunkPart&)>& use);

}  // namespace rulec::orbax
