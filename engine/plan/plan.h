// SPDX-License-Identifier: Apache-2.0
// What a run will do, before the first byte moves: which bytes are read, where they go, and how much memory that takes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/graph/pieces.h"
#include "engine/plan/block.h"
#include "engine/plan/target_maps.h"
#include "engine/store/chunk_access.h"

#include <rulec/diagnostics.h>
#include <rulec/result.h>

namespace rulec {

/// How the cells of a unit come to where they go.
enum class Strategy : std::uint8_t {
  Stream,   ///< part by part: a range of the source becomes a range of the target
  Whole,    ///< a tensor at a time in memory
  Gather,   ///< short runs are read, whole ranges written
  Scatter,  ///< whole ranges are read, short runs written
  Open,     ///< several targets stay in memory while what they share is read once
  Batch,    ///< small targets that lie one behind the other in a file are written as one range
  TwoPass,  ///< sources are written once more, in other chunks, before they are read
};
std::string_view to_string(Strategy strategy);

/// What is read at once: a block, or several that lie near each other in a file.
struct Load {
  std::vector<Block> blocks;
  bool is_operand = false;         ///< all of the tensor in C order, however it is stored
  std::uint64_t bytes = 0;         ///< of its buffer
  std::uint64_t stored_bytes = 0;  ///< beside it, while it is decoded
  /// Of several blocks: where that part of the file begins which the buffer is to have.
  std::optional<StoredAt> from{};
};

/// Targets that are made together: their buffers are in memory until all loads have come.
struct Unit {
  Strategy strategy = Strategy::Stream;
  std::vector<Block> targets;
  /// Of a batch: the part of a file that has all targets, in one buffer.
  std::optional<StoredRange> range;
  std::vector<std::size_t>
      loads;  ///< of Plan::loads, operands first; one that several units name is read for the first

  struct Reader {
    std::size_t source = 0;  ///< of PlanInput::sources
    std::size_t target = 0;  ///< of `targets`
    auto operator<=>(const Reader&) const = default;
  };
  std::vector<Reader> readers;  ///< which target reads cells of which source, sorted
};

struct Plan {
  std::vector<Load> loads;
  std::vector<Unit> units;       ///< in the order of the work
  std::uint64_t bytes_read = 0;  ///< of tensors as they are in memory
  std::uint64_t bytes_written = 0;
  std::uint64_t needed_bytes = 0;  ///< of memory, with which the run gets through
};

struct PlanOptions {
  std::uint64_t memory_bytes = std::uint64_t{1} << 30U;
  std::uint64_t load_bytes = std::uint64_t{8} << 20U;  ///< a load of what can be read in parts has at most so many
  std::optional<Strategy> force;                       ///< for tests: every target that can be is done so
};

/// What a plan is made for. All is borrowed.
struct PlanInput {
  std::span<const TargetTensor> targets;
  std::span<const TargetMaps> maps;     ///< one a target
  std::span<const TensorInfo> sources;  ///< the graph's
  const ChunkReader* reader = nullptr;
  ChunkWriter* writer = nullptr;       ///< that a plan asks where chunks lie, and a run writes with
  std::span<const std::size_t> recut;  ///< those of `sources` that a first pass has cut anew, sorted
};

/// Every cell of every target is in one block of one unit, and the loads of the unit have every cell that its pieces
/// read there, once each. Units come in the order in which their sources lie in the files.
///
/// Errors: R0907 what must be in memory at once is more than `memory_bytes`.
Result<Plan> make_plan(const PlanInput& input, const PlanOptions& options, Diagnostics& diags);

}  // namespace rulec
