// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/store/chunk_access.h"
#include "engine/tensor/box.h"

namespace rulec {

/// Boxes of tensors, however they are cut up, in C order: for those who look at a few of them, one by one.
class BoxReader {
 public:
  /// Borrows.
  explicit BoxReader(const ChunkReader& reader) : reader_(&reader) {}

  /// The bytes of a box of a tensor, which hold until the next call. Errors: those of the store.
  Result<std::span<const std::byte>> read(std::size_t tensor, const Box& box, Diagnostics& diags);

  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  const ChunkReader* reader_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> part_;
  std::uint64_t bytes_read_ = 0;
};

/// The box cut along its slowest axes into boxes of at most so many bytes, a cell at least.
std::vector<Box> boxes_of(const Box& box, DType dtype, std::uint64_t bytes);

}  // namespace rulec
