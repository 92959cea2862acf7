// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/scalar/trial_numbers.h"

namespace rulec {
namespace {

/// Of fewer, counts by bits would be more than the cells.
constexpr std::uint64_t FewCells = 1 << 15;

}  // namespace

void Tally::add(double number, std::uint64_t times) {
  cells += times;
  if (std::isnan(number)) {
    nans += times;
    return;
  }
  if (std::isinf(number)) {
    infinities += times;
    return;
  }
  if (number == 0) zeros += times;
  // Zeros of both signs are one number.
  least = std::min(least, number + 0.0);
  most = std::max(most, number + 0.0);
  sum.add(number, times);
  const double square = number * number;
  if (std::isinf(square)) {
    has_huge_squares = true;
  } else {
    squares.add(square, times);
    // Squares of doubles have twice as many digits.
    if (static_cast<double>(static_cast<float>(number)) != number)
      squares.add(std::fma(number, number, -square), times);
  }
}

void Tally::add(const Tally& other) {
  cells += other.cells;
  zeros += other.zeros;
  nans += other.nans;
  infinities += other.infinities;
  least = std::min(least, other.least);
  most = std::max(most, other.most);
  has_huge_squares |= other.has_huge_squares;
  sum.add(other.sum);
  squares.add(other.squares);
}

TensorStatistics Tally::statistics() const {
  TensorStatistics result{cells, zeros, nans, infinities};
  const auto count = static_cast<double>(cells - nans - infinities);
  if (count == 0) return result;
  result.least = least;
  result.most = most;
  const auto [total, total_rest] = sum.value();
  result.mean = (total + total_rest) / count;
  if (has_huge_squares) {
    result.deviation = std::numeric_limits<double>::infinity();
  } else if (least != most) {
    // Squares minus total * total / count, each product with what its rounding lost: the two may cancel.
    const auto [square, square_rest] = squares.value();
    const double mean = total / count;
    const double product = mean * total;
    const double lost = std::fma(mean, total, -product);
    const double mean_rest = (std::fma(-mean, count, total) + 2 * total_rest) / count;
    const double spread = (square - product) + (square_rest - lost - mean_rest * total);
    result.deviation = std::sqrt(std::max(0.0, spread) / count);
  }
  return result;
}

void Counter::start(DType dtype, std::uint64_t cells) {
  dtype_ = dtype;
  by_bits_ = bits(dtype) == 8 || (bits(dtype) == 16 && cells >= FewCells);
  tally_ = {};
  if (by_bits_) counts_.assign(std::size_t{1} << static_cast<unsigned>(bits(dtype)), 0);
}

template <class Bits>
void Counter::count(std::span<const std::byte> elements) {
  for (std::size_t at = 0; at + sizeof(Bits) <= elements.size(); at += sizeof(Bits)) {
    Bits element;
    std::memcpy(&element, elements.data() + at, sizeof(Bits));
    ++counts_[element];
  }
}

template <class Number>
void Counter::add_numbers(std::span<const std::byte> elements) {
  for (std::size_t at = 0; at + sizeof(Number) <= elements.size(); at += sizeof(Number)) {
    Number number;
    std::memcpy(&number, elements.data() + at, sizeof(Number));
    tally_.add(static_cast<double>(number));
  }
}

void Counter::add(std::span<const std::byte> elements) {
  if (by_bits_) return bits(dtype_) == 8 ? count<std::uint8_t>(elements) : count<std::uint16_t>(elements);
  if (dtype_ == DType::F32) return add_numbers<float>(elements);
  if (dtype_ == DType::F64) return add_numbers<double>(elements);
  const std::size_t width = static_cast<std::size_t>(bits(dtype_)) / 8;
  for (std::size_t at = 0; at + width <= elements.size(); at += width) {
    std::uint64_t element = 0;
    std::memcpy(&element, elements.data() + at, width);
    tally_.add(number_of(dtype_, element));
  }
}

const Tally& Counter::finish() {
  if (!by_bits_) return tally_;
  for (std::size_t element = 0; element < counts_.size(); ++element) {
    if (counts_[element] > 0) tally_.add(number_of(dtype_, element), counts_[element]);
  }
  return tally_;
}

}  // namespace rulec
