// SPDX-License-Identifier: Apache-2.0
// Blocks between stores and buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/plan/block.h"
#include "engine/store/chunk_access.h"

namespace rulec {

/// How far behind a block boundary of the disk the first byte of a block lies, if it is one run of a file; else 0.
std::size_t phase_in_file(const std::optional<StoredAt>& chunk, const Runs& runs);

/// Reads all of a block's buffer. Errors: those of the store.
Status read_block(const ChunkReader& reader, const Block& block, DType dtype, std::span<std::byte> into, Room room,
                  Diagnostics& diags);

/// The part of a block that one write takes.
struct Segment {
  std::uint64_t offset = 0;  ///< in the buffer
  std::uint64_t bytes = 0;
};

/// What a block is written in: a run is cut to `most` bytes where the disk's blocks meet; many runs go at once, and so
/// does a chunk that is not raw.
std::vector<Segment> segments_of(const ChunkWriter& writer, const Block& block, DType dtype, std::uint64_t most);

/// Writes a segment of a block, whose whole buffer is `bytes`; `room`: see `ChunkedSink::write_chunk`. Errors: those of
/// the sink.
Status write_segment(ChunkWriter& writer, const Block& block, DType dtype, const Segment& segment,
                     std::span<const std::byte> bytes, std::span<std::byte> room, Diagnostics& diags);

}  // namespace rulec
