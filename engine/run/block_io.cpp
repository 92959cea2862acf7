// SPDX-License-Identifier: Apache-2.0
#include "engine/run/block_io.h"

#include <algorithm>

namespace rulec {
std::size_t phase_in_file(const std::optional<StoredAt>& chunk, const Runs& runs) {
  return chunk && runs.axes.empty() ? (chunk->offset + runs.offset) % DirectBlock : 0;
}

Status read_block(const ChunkReader& reader, const Block& block, DType dtype, std::span<std::byte> into, Room room,
                  Diagnostics& diags) {
  const Runs runs = runs_of(block, reader.form(block.tensor).chunk, dtype);
  const bool is_one = runs.axes.empty();
  const bool is_read = for_each_run(runs, [&](std::uint64_t from, std::uint64_t to) {
    return static_cast<bool>(
        reader.read(block.tensor, block.chunk, from, into.subspan(to, runs.bytes), is_one ? room : Room{}, diags));
  });
  if (!is_read) return diags.failed();
  return Done{};
}

std::vector<Segment> segments_of(const ChunkWriter& writer, const Block& block, DType dtype, std::uint64_t most) {
  const ChunkForm form = writer.form(block.tensor);
  const Runs runs = runs_of(block, form.chunk, dtype);
  const std::uint64_t all = runs.bytes * runs.count();
  if (!form.is_raw || !runs.axes.empty()) return {{0, all}};
  const std::size_t phase = phase_in_file(writer.place(block.tensor, block.chunk), runs);
  std::vector<Segment> segments;
  for (std::uint64_t begin = 0; begin < all;) {
    std::uint64_t end = std::min(all, begin + most);
    if (end < all) end -= (phase + end) % DirectBlock;
    segments.push_back({begin, end - begin});
    begin = end;
  }
  return segments;
}

Status write_segment(ChunkWriter& writer, const Block& block, DType dtype, const Segment& segment,
                     std::span<const std::byte> bytes, std::span<std::byte> room, Diagnostics& diags) {
  const Runs runs = runs_of(block, writer.form(block.tensor).chunk, dtype);
  if (runs.axes.empty()) {
    return writer.write(block.tensor, block.chunk, runs.offset + segment.offset,
                        bytes.subspan(segment.offset, segment.bytes), room, diags);
  }
  const bool is_written = for_each_run(runs, [&](std::uint64_t to, std::uint64_t from) {
    return static_cast<bool>(writer.write(block.tensor, block.chunk, to, bytes.subspan(from, runs.bytes), room, diags));
  });
  if (!is_written) return diags.failed();
  return Done{};
}

}  // namespace rulec
