// SPDX-License-Identifier: Apache-2.0
// Takes what a conversion writes and holds it against a checkpoint, instead of storing it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "engine/check/cell_differences.h"
#include "engine/compare/allowances.h"
#include "engine/compare/statistics.h"
#include "engine/run/arena.h"
#include "engine/store/chunked.h"

#include <rulec/store.h>
#include <rulec/verify.h>

namespace rulec {

/// Tensors are cut as those of the checkpoint are, so that a chunk that is made is held against one that is read. Any
/// order of writing gives the same verdicts.
class ComparingSink final : public TensorSink, public ChunkedSink {
 public:
  /// `b_chunks` is what the checkpoint offers beside, or null. Reads with at most `memory_bytes` of its own, or what
  /// `needed_bytes` says if that is more. Borrows all of it.
  ComparingSink(const TensorStore& b, const ChunkedStore* b_chunks, Allowances& allowances, std::uint64_t memory_bytes);
  ~ComparingSink() override;

  /// What reading from one thread takes.
  static std::uint64_t needed_bytes(const TensorStore& b, const ChunkedStore* b_chunks);

  Status begin(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Status write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes, Diagnostics& diags) override;
  Status commit(Diagnostics& diags) override;

  Status lay_out(std::span<const TensorInfo> tensors, Diagnostics& diags) override;
  Shape chunk_shape(std::size_t tensor) const override;
  bool is_raw(std::size_t tensor) const override;
  std::optional<StoredAt> place(std::size_t tensor, const Shape& chunk) const override;
  std::uint64_t stored_bytes(std::size_t /*tensor*/) const override { return 0; }
  Status write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset, std::span<const std::byte> bytes,
                     std::span<std::byte> room, Diagnostics& diags) override;
  Status write_range(StoredAt from, std::span<const ChunkInRange> chunks, std::span<std::byte> bytes,
                     Diagnostics& diags) override;

  /// What was found of all that was laid out, by name.
  std::vector<TensorVerdict> verdicts() const;

 private:
  struct Target;
  class Loan;

  // Without a chunk: of the whole tensor in C order.
  Status compare(Target& target, const Shape* chunk, std::uint64_t offset, std::span<const std::byte> made,
                 Diagnostics& diags);
  Status compare_part(Target& target, const Shape* chunk, std::uint64_t offset, std::span<const std::byte> made,
                      Diagnostics& diags);

  const TensorStore& b_;
  const ChunkedStore* b_chunks_;
  Allowances& allowances_;
  std::vector<std::unique_ptr<Target>> targets_;

  std::mutex memory_mutex_;
  std::condition_variable memory_is_back_;
  Arena arena_;
  std::size_t loans_ = 0;
  std::vector<std::unique_ptr<Counter>> counters_;  // that nobody uses at the moment
};

}  // namespace rulec
