// SPDX-License-Identifier: Apache-2.0
#include "engine/run/perform.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/run/block_io.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

class Performer {
 public:
  Performer(const Workplace& at, Scratch& scratch, Diagnostics& diags) : at_(at), scratch_(scratch), diags_(diags) {}

  Status operator()(const tasks::Prepare& task) const {
    const Unit& unit = at_.plan.units[task.unit];
    for (std::size_t b = 0; b < unit.targets.size(); ++b) {
      const std::span<std::byte> bytes = at_.schedule.target_bytes(task.unit, b);
      if (has_gaps(at_.input, unit.targets[b])) std::ranges::fill(bytes, std::byte{});
      put_fills(unit.targets[b], bytes);
    }
    return Done{};
  }

  Status operator()(const tasks::Read& task) const {
    const Load& load = at_.plan.loads[task.load];
    const Buffer& buffer = at_.schedule.load_buffer(task.load);
    Room room = buffer.room;
    room.elsewhere = at_.schedule.stored_load(task.load);
    if (!read(load, buffer.bytes, room)) return diags_.failed();
    if (!load.is_operand) move(task.unit, task.load);
    return Done{};
  }

  Status operator()(const tasks::Move& task) const {
    if (!at_.plan.loads[task.load].is_operand) move(task.unit, task.load);
    return Done{};
  }

  Status operator()(const tasks::Write& task) const {
    const Unit& unit = at_.plan.units[task.unit];
    const Block& block = unit.targets[task.block];
    const std::span<std::byte> bytes =
        unit.range ? at_.schedule.range_bytes(task.unit) : at_.schedule.target_bytes(task.unit, task.block);
    if (!(unit.range ? write_range(unit, bytes) : write_part(task, block, bytes))) return diags_.failed();
    if (at_.journal != nullptr) at_.journal->wrote(task.unit, task.block, block, task.segment, bytes);
    return Done{};
  }

  Status operator()(const tasks::Note& task) const {
    if (!at_.journal->note(task.units, diags_)) return diags_.failed();
    return task.syncs ? at_.journal->sync(diags_) : Status(Done{});
  }

 private:
  Status read(const Load& load, std::span<std::byte> into, Room room) const {
    if (load.from) return at_.input.reader->read_range(*load.from, into, room, diags_);
    const Block& block = load.blocks.front();
    if (load.is_operand) return at_.input.reader->read_whole(block.tensor, into, diags_);
    return read_block(*at_.input.reader, block, source_dtype(block), into, room, diags_);
  }

  Status write_part(const tasks::Write& task, const Block& block, std::span<const std::byte> bytes) const {
    const std::span<std::byte> room = at_.schedule.stored_target(task.unit, task.block);
    return write_segment(*at_.input.writer, block, target_dtype(block), task.segment, bytes, room, diags_);
  }

  Status write_range(const Unit& unit, std::span<std::byte> bytes) const {
    std::vector<ChunkInRange> chunks;
    for (const Block& block : unit.targets)
      chunks.push_back({block.tensor, block.chunk, block.at, buffer_bytes(block, target_dtype(block))});
    return at_.input.writer->write_range(unit.range->at, chunks, bytes, diags_);
  }

  void put_fills(const Block& block, std::span<std::byte> bytes) const {
    const TargetTensor& target = at_.input.targets[block.tensor];
    for (std::size_t f = 0; f < target.fills.size(); ++f) {
      if (target.fills[f].copy.cells() == 0) continue;
      for (const CellMap& part : restricted(at_.input.maps[block.tensor].fills[f], MapEnd::Target, block.box)) {
        copy_strided(placed(part, {}, placement(block)), bits(target.info.dtype) / 8, target.fills[f].element, bytes);
      }
    }
  }

  /// Puts what the copies of a unit read of a load to where it goes.
  void move(std::size_t unit, std::size_t load) const {
    const std::span<const std::byte> read = at_.schedule.load_buffer(load).bytes;
    for (const Block& from : at_.plan.loads[load].blocks) {
      const std::span<const std::byte> bytes = read.subspan(from.at, buffer_bytes(from, source_dtype(from)));
      for (const Unit::Reader& reader :
           std::ranges::equal_range(at_.plan.units[unit].readers, from.tensor, {}, &Unit::Reader::source)) {
        const Block& to = at_.plan.units[unit].targets[reader.target];
        const TargetMaps& maps = at_.input.maps[to.tensor];
        for (const std::size_t c : maps.copies_of(at_.input.targets[to.tensor], from.tensor)) {
          if (maps.reaches(c, to.box)) move(from, bytes, unit, reader.target, c);
        }
      }
    }
  }

  void move(const Block& from, std::span<const std::byte> bytes, std::size_t unit, std::size_t b, std::size_t c) const {
    const Block& to = at_.plan.units[unit].targets[b];
    const CopyPiece& piece = at_.input.targets[to.tensor].copies[c];
    const CellMap& map = at_.input.maps[to.tensor].copies[c];
    for (const CellMap& within : restricted(map, MapEnd::Source, from.box)) {
      for (const CellMap& part : restricted(within, MapEnd::Target, to.box)) {
        PiecePart cells{placed(part, placement(from), placement(to)), {}};
        if (piece.operands.empty()) {
          cells.copy = simplified(std::move(cells.copy));
        } else {
          for (const MapAxis& axis : part.axes) cells.first.push_back(axis.first);
        }
        move_cells(piece, cells, bytes, operands_of(unit, piece), at_.schedule.target_bytes(unit, b), scratch_);
      }
    }
  }

  std::vector<OperandTensor> operands_of(std::size_t unit, const CopyPiece& piece) const {
    std::vector<OperandTensor> operands;
    for (const CopyOperand& operand : piece.operands) {
      const std::vector<std::size_t>& loads = at_.plan.units[unit].loads;
      const auto load = std::ranges::find_if(loads, [&](std::size_t l) {
        return at_.plan.loads[l].is_operand && at_.plan.loads[l].blocks.front().tensor == operand.source;
      });
      RULEC_ASSERT(load != loads.end());
      operands.push_back({at_.input.sources[operand.source].dtype, at_.schedule.load_buffer(*load).bytes});
    }
    return operands;
  }

  DType source_dtype(const Block& block) const { return at_.input.sources[block.tensor].dtype; }
  DType target_dtype(const Block& block) const { return at_.input.targets[block.tensor].info.dtype; }

  const Workplace& at_;
  Scratch& scratch_;
  Diagnostics& diags_;
};

}  // namespace

Status perform(const Workplace& at, const Task& task, Scratch& scratch, Diagnostics& diags) {
  return std::visit(Performer(at, scratch, diags), task);
}

}  // namespace rulec
