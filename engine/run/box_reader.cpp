// SPDX-License-Identifier: Apache-2.0
#include "engine/run/box_reader.h"

#include "engine/plan/block.h"
#include "engine/run/block_io.h"
#include "engine/tensor/element_bytes.h"

namespace rulec {

Result<std::span<const std::byte>> BoxReader::read(std::size_t tensor, const Box& box, Diagnostics& diags) {
  const ChunkForm form = reader_->form(tensor);
  const DType dtype = reader_->info(tensor).dtype;
  const Placement whole{box.begin, c_strides(box.shape())};
  bytes_.resize(bytes_of(dtype, *cells(box.shape())));
  for (const Block& wanted : blocks_of(tensor, box, form.chunk)) {
    const Block block = form.is_raw ? wanted : whole_chunk(wanted, form.chunk);
    bytes_read_ += buffer_bytes(block, dtype);
    if (block.memory() == box) {
      if (!read_block(*reader_, block, dtype, bytes_, {}, diags)) return diags.failed();
      break;
    }
    part_.resize(buffer_bytes(block, dtype));
    if (!read_block(*reader_, block, dtype, part_, {}, diags)) return diags.failed();
    CellMap same{{}, wanted.box.begin, wanted.box.begin};
    for (std::size_t axis = 0; axis < box.begin.size(); ++axis)
      same.axes.push_back({wanted.box.end[axis] - wanted.box.begin[axis], {axis, 1}, {axis, 1}, 0});
    copy_strided(placed(same, placement(block), whole), bits(dtype) / 8, part_, bytes_);
  }
  return std::span<const std::byte>(bytes_);
}

std::vector<Box> boxes_of(const Box& box, DType dtype, std::uint64_t bytes) {
  std::vector<Box> boxes;
  for (const Block& block : cut({0, Shape(box.begin.size()), box}, dtype, bytes)) boxes.push_back(block.box);
  return boxes;
}

}  // namespace rulec
