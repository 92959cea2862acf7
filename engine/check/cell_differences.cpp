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
  // Packed elements are compared byte by byte, and counted so.
  const std::size_t width = static_cast<std::size_t>(std::max(bits(dtype_), 8)) / 8;
  const auto cells_a_byte = static_cast<std::uint64_t>(8 / std::min(bits(dtype_), 8));
  for (std::size_t at = 0; at + width <= a.size(); at += width) {
    Cell cell{(offset + at) / width * cells_a_byte};
    std::memcpy(&cell.a, a.data() + at, width);
    std::memcpy(&cell.b, b.data() + at, width);
    if (cell.a != cell.b) differs(cell);
  }
}

void CellDifferences::differs(const Cell& cell) {
  const bool beyond = !allows_ || !allows_(cell.a, cell.b);
  if (cells_ == 0 || (beyond && beyond_ == 0)) shown_ = cell;
  ++cells_;
  beyond_ += beyond;
  const NumberBits type = number_bits(dtype_);
  if (!type.is_float || bits(dtype_) < 8) return;
  const double a = number_of(dtype_, cell.a);
  const double b = number_of(dtype_, cell.b);
  if (std::isnan(a) || std::isnan(b)) {
    worst_ulp_ = std::numeric_limits<std::uint64_t>::max();
    worst_gap_ = std::numeric_limits<double>::infinity();
    return;
  }
  worst_ulp_ = std::max(worst_ulp_, distance(type, cell.a, cell.b));
  worst_gap_ = std::max(worst_gap_, std::abs(a - b) / std::max(1.0, std::abs(a)));
}

std::string CellDifferences::first() const {
  if (cells_ == 0) return {};
  return fmt::format("{}: {} against {}", coordinates(shape_, shown_.index), number_text(dtype_, shown_.a),
                     number_text(dtype_, shown_.b));
}

}  // namespace rulec
