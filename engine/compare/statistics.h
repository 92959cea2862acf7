// SPDX-License-Identifier: Apache-2.0
// What numbers are like, whatever the order in which they come: counts, extremes and exact sums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "engine/compare/exact_sum.h"

#include <rulec/tensor.h>
#include <rulec/verify.h>

namespace rulec {

/// What is known of some numbers.
struct Tally {
  std::uint64_t cells = 0;
  std::uint64_t zeros = 0;
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  bool has_huge_squares = false;  ///< over every double
  ExactSum sum;
  ExactSum squares;

  void add(double number, std::uint64_t times = 1);
  void add(const Tally& other);
  TensorStatistics statistics() const;
};

/// Counts elements of one type into a tally. Those of 16 bits are many and their numbers few: they are counted by their
/// bits first.
class Counter {
 public:
  /// `dtype` is readable, and not packed. About so many cells will come, less than 2^32.
  void start(DType dtype, std::uint64_t cells);
  void add(std::span<const std::byte> elements);
  /// All since `start`.
  const Tally& finish();

 private:
  template <class Bits>
  void count(std::span<const std::byte> elements);
  template <class Number>
  void add_numbers(std::span<const std::byte> elements);

  DType dtype_ = DType::F32;
  bool by_bits_ = false;
  Tally tally_;
  std::vector<std::uint32_t> counts_;  // by bits
};

}  // namespace rulec
