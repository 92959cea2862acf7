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
/// only, and so are zeros. What is found does not depend on the order of the ranges.
class CellDifferences {
 public:
  /// Whether the second number (as bits) may stand for the first.
  using Allows = std::function<bool(std::uint64_t a, std::uint64_t b)>;

  CellDifferences(DType dtype, Shape shape, Allows allows = {});

  /// `a` and `b` are equally long, and lie `offset` bytes from the beginning of their tensors: whole elements.
  void compare(std::uint64_t offset, std::span<const std::byte> a, std::span<const std::byte> b);

  /// Takes in what was found in other ranges of the same tensors.
  void merge(const CellDifferences& other);

  std::uint64_t cells() const { return cells_; }    ///< that differ
  bool are_allowed() const { return !is_beyond_; }  ///< none of these by more than `allows` takes
  std::uint64_t worst_ulp() const {
    return worst_ulp_;
  }  ///< of floats; the largest number there is where one of the two is a NaN
  double worst_gap() const { return worst_gap_; }  ///< |a - b| / max(1, |a|)

  /// `[3 17]: 0.5 against 0.50001`: the first that is not allowed, else the first.
  std::string first() const;
  /// The same of the first with `worst_ulp`; empty if there is no such number.
  std::string worst() const;

 private:
  struct Cell {
    std::uint64_t index = 0;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
  };
  template <class Bits>
  void compare_as(std::uint64_t offset, std::span<const std::byte> a, std::span<const std::byte> b);
  void differs(const Cell& cell);
  void show(const Cell& cell, bool is_beyond);
  void take_worst(const Cell& cell, std::uint64_t ulp);
  std::string text(const Cell& cell) const;

  DType dtype_;
  Shape shape_;
  Allows allows_;
  std::uint64_t cells_ = 0;
  bool is_beyond_ = false;
  std::uint64_t worst_ulp_ = 0;
  double worst_gap_ = 0;
  Cell shown_;
  Cell worst_;
};

/// `[3 17]`: where the cell number `index` of a tensor is.
std::string coordinates(const Shape& shape, std::uint64_t index);

}  // namespace rulec
