// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rulec {

/// The type of an element: every type of the safetensors format. Little-endian in memory and in files.
enum class DType : std::uint8_t {
  Bool,
  F4,
  F6E2M3,
  F6E3M2,
  U8,
  I8,
  F8E5M2,
  F8E4M3,
  F8E8M0,
  F8E4M3Fnuz,
  F8E5M2Fnuz,
  I16,
  U16,
  F16,
  Bf16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
};

/// `BF16`, as safetensors spells it.
std::string_view name(DType dtype);

/// `bf16`, as rules and command lines spell it.
std::string_view rule_name(DType dtype);

/// Bits per element; less than 8 where elements are packed.
int bits(DType dtype);

/// A type by either spelling, in upper or lower case.
std::optional<DType> find_dtype(std::string_view name);

/// Every type, in the order of the enumeration.
const std::vector<DType>& all_dtypes();

/// Extents, the slowest axis first; `[]` is a scalar.
using Shape = std::vector<std::int64_t>;

/// `[2304 8 256]`.
std::string to_string(const Shape& shape);

/// The number of cells, unless it overflows 63 bits or an extent is negative.
std::optional<std::int64_t> cells(const Shape& shape);

/// The size in bytes, unless it overflows or packed elements do not fill whole bytes.
std::optional<std::uint64_t> byte_size(DType dtype, const Shape& shape);

/// A tensor without its numbers.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;  ///< row-major, last axis fastest

  /// In bytes. The tensor must be one that `byte_size` accepts; a store has none other.
  std::uint64_t bytes() const { return *byte_size(dtype, shape); }

  bool operator==(const TensorInfo&) const = default;
};

}  // namespace rulec
