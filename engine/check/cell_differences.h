// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <rulec/tensor.h>

namespace rulec {

/// What differs between two tensors of one type and shape, which come in ranges of bytes. NaNs are equal by their bits
/// only, and so are zeros.
class CellDifferences {
 public:
  /// Whether the second number (as bits) may stand for the first.
  using Allows = std::function<bool(std::uint64_t a, std::uint64_t b)>;

  CellDifferences(DType dtype, Shape shape, Allows allows = {});

  /// `a` and `b` are equally long, and lie `offset` bytes from the beginning of their tensors: whole elements.
  void compare(std::uint64_t offset, std::span<const std::byte> a, std::span<const std::byte> b);

  std::uint64_t cells() const { return cells_; }         ///< that differ
  std::uint64_t not_allowed() const { return beyond_; }  ///< of these, by more than `allows` takes
  std::uint64_t worst_ulp() const {
    return worst_ulp_;
  }  ///< of floats; the largest number there is where one of the two is a NaN
  double worst_gap() const { return worst_gap_; }  ///< |a - b| / max(1, |a|)

  /// `[3 17]: 0.5 against 0.50001`: the first that is not allowed, else the first.
  std::string first() const;

 private:
  struct Cell {
    std::uint64_t index = 0;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
  };
  void differs(const Cell& cell);

  DType dtype_;
  Shape shape_;
  Allows allows_;
  std::uint64_t cells_ = 0;
  std::uint64_t beyond_ = 0;
  std::uint64_t worst_ulp_ = 0;
  double worst_gap_ = 0;
  Cell shown_;
};

/// `[3 17]`: where the cell number `index` of a tensor is.
std::string coordinates(const Shape& shape, std::uint64_t index);

}  // namespace rulec
