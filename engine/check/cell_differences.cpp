// SPDX-License-Identifier: Apache-2.0
#include "engine/check/cell_differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/scalar/trial_numbers.h"
#include "engine/tensor/numbers.h"

namespace rulec {
namespace {

/// Shortest text that tells two numbers of the type apart; bits where there is no number.
std::string number_text(DType dtype, std::uint64_t element) {
  const int digits = (bits(dtype) + 3) / 4;
  if (!is_readable(dtype) || bits(dtype) < 8) return fmt::format("0x{:0{}X}", element, std::max(digits, 2));
  const double value = number_of(dtype, element);
  if (std::isnan(value)) return fmt::format("NaN (0x{:0{}X})", element, digits);
  if (!number_bits(dtype).is_float || dtype == DType::F64) return fmt::format("{}", value);
  return fmt::format("{}", static_cast<float>(value));
}

}  // namespace

std::string coordinates(const Shape& shape, std::uint64_t index) {
  Shape place(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(shape[d], 1));
    place[d] = static_cast<std::int64_t>(index % extent);
    index /= extent;
  }
  return to_string(place);
}

CellDifferences::CellDifferences(DType dtype, Shape shape, Allows allows)
    : dtype_(dtype), shape_(std::move(shape)), allows_(std::move(allows)) {}

void CellDifferences::compare(std::uint64_t offset, std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0) return;
  switch (bits(dtype_)) {
    case 16:
      return compare_as<std::uint16_t>(offset, a, b);
    case 32:
      return compare_as<std::uint32_t>(offset, a, b);
    case 64:
      return compare_as<std::uint64_t>(offset, a, b);
    default:  // packed elements are compared byte by byte, and counted so
      return compare_as<std::uint8_t>(offset, a, b);
  }
}

template <class Bits>
void CellDifferences::compare_as(std::uint64_t offset, std::span<const std::byte> a, std::span<const std::byte> b) {
  const auto cells_an_element = static_cast<std::uint64_t>(8 / std::min(bits(dtype_), 8));
  for (std::size_t at = 0; at + sizeof(Bits) <= a.size(); at += sizeof(Bits)) {
    Bits of_a;
    Bits of_b;
    std::memcpy(&of_a, a.data() + at, sizeof(Bits));
    std::memcpy(&of_b, b.data() + at, sizeof(Bits));
    if (of_a != of_b) differs({(offset + at) / sizeof(Bits) * cells_an_element, of_a, of_b});
  }
}

void CellDifferences::merge(const CellDifferences& other) {
  if (other.cells_ == 0) return;
  if (other.worst_ulp_ > 0) take_worst(other.worst_, other.worst_ulp_);
  worst_gap_ = std::max(worst_gap_, other.worst_gap_);
  show(other.shown_, other.is_beyond_);
  cells_ += other.cells_;
}

void CellDifferences::differs(const Cell& cell) {
  // Behind the first that is not allowed, whether others are is of no interest, and dear to find out.
  if (!is_beyond_ || cell.index < shown_.index) show(cell, !allows_ || !allows_(cell.a, cell.b));
  ++cells_;
  const NumberBits type = number_bits(dtype_);
  if (!type.is_float || bits(dtype_) < 8) return;
  const double a = number_of(dtype_, cell.a);
  const double b = number_of(dtype_, cell.b);
  if (std::isnan(a) || std::isnan(b)) {
    take_worst(cell, std::numeric_limits<std::uint64_t>::max());
    worst_gap_ = std::numeric_limits<double>::infinity();
    return;
  }
  take_worst(cell, distance(type, cell.a, cell.b));
  worst_gap_ = std::max(worst_gap_, std::abs(a - b) / std::max(1.0, std::abs(a)));
}

// Before `cells_` has counted the cell.
void CellDifferences::show(const Cell& cell, bool is_beyond) {
  const bool is_earlier = cells_ == 0 || cell.index < shown_.index;
  if (is_beyond == is_beyond_ ? is_earlier : is_beyond) shown_ = cell;
  is_beyond_ |= is_beyond;
}

void CellDifferences::take_worst(const Cell& cell, std::uint64_t ulp) {
  if (ulp < worst_ulp_ || (ulp == worst_ulp_ && ulp > 0 && cell.index > worst_.index)) return;
  worst_ulp_ = ulp;
  worst_ = cell;
}

std::string CellDifferences::text(const Cell& cell) const {
  return fmt::format("{}: {} against {}", coordinates(shape_, cell.index), number_text(dtype_, cell.a),
                     number_text(dtype_, cell.b));
}

std::string CellDifferences::first() const {
  return cells_ == 0 ? std::string() : text(shown_);
}

std::string CellDifferences::worst() const {
  return worst_ulp_ == 0 ? std::string() : text(worst_);
}

}  // namespace rulec
