// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include <rulec/tensor.h>

namespace rulec {
namespace {

struct DTypeRow {
  std::string_view name;
  std::string_view rule_name;
  int bits;
};

constexpr std::array Rows{
#define RULEC_DTYPE(enumerator, name, rule_name, bits, kind) DTypeRow{name, rule_name, bits},
#include "engine/tensor/dtypes.def"
#undef RULEC_DTYPE
};

constexpr const DTypeRow& row(DType dtype) {
  return Rows[static_cast<std::size_t>(dtype)];
}

// The enumeration is spelled out in the public header and must follow the table.
#define RULEC_DTYPE(enumerator, spelling, ...) static_assert(row(DType::enumerator).name == spelling);
#include "engine/tensor/dtypes.def"
#undef RULEC_DTYPE

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::string_view name(DType dtype) {
  return row(dtype).name;
}
std::string_view rule_name(DType dtype) {
  return row(dtype).rule_name;
}
int bits(DType dtype) {
  return row(dtype).bits;
}

std::optional<DType> find_dtype(std::string_view name) {
  const auto found = std::ranges::find_if(Rows, [&](const DTypeRow& r) { return same_letters(r.name, name); });
  if (found == Rows.end()) return std::nullopt;
  return static_cast<DType>(found - Rows.begin());
}

const std::vector<DType>& all_dtypes() {
  static const std::vector<DType> all = [] {
    std::vector<DType> list;
    for (std::size_t i = 0; i < Rows.size(); ++i) list.push_back(static_cast<DType>(i));
    return list;
  }();
  return all;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, " "));
}

std::optional<std::int64_t> cells(const Shape& shape) {
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    // An empty axis does not excuse an overflow elsewhere: the product is checked as if it were 1.
    empty |= extent == 0;
    if (__builtin_mul_overflow(product, std::max<std::int64_t>(extent, 1), &product)) return std::nullopt;
  }
  return empty ? 0 : product;
}

std::optional<std::uint64_t> byte_size(DType dtype, const Shape& shape) {
  const std::optional<std::int64_t> count = cells(shape);
  std::uint64_t total_bits = 0;
  if (!count || __builtin_mul_overflow(static_cast<std::uint64_t>(*count), static_cast<std::uint64_t>(bits(dtype)),
                                       &total_bits)) {
    return std::nullopt;
  }
  if (total_bits % 8 != 0) return std::nullopt;
  return total_bits / 8;
}

}  // namespace rulec
