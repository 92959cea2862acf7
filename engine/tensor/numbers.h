// SPDX-License-Identifier: Apache-2.0
// Elements as numbers: read into one of four machine types that hold them exactly, converted, rounded once, written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <rulec/tensor.h>

namespace rulec {

/// What numbers are held in while they are worked on. F32 holds every floating type but f64, I64 every other type but
/// u64.
enum class Carrier : std::uint8_t { F32, F64, I64, U64 };

Carrier carrier_of(DType dtype);

/// The 6-bit floats and complex numbers are moved only: they are never read as numbers.
bool is_readable(DType dtype);

/// 4-bit floats are read, never written.
bool is_writable(DType dtype);

/// bf16, f16, f32, f64: what arithmetic is done in.
bool is_arithmetic_float(DType dtype);

/// Signed or not, 8 to 64 bits; `bool` is none.
bool is_integer(DType dtype);

/// Some numbers of one type, small enough for the innermost cache.
class Tile {
 public:
  static constexpr std::size_t Capacity = 2048;

  /// Takes in as many elements as `bytes` hold, at most `Capacity`.
  void read(DType dtype, std::span<const std::byte> bytes);

  /// Writes every number to `bytes`, rounded to `dtype`, whose carrier must be that of the numbers.
  void write(DType dtype, std::span<std::byte> bytes) const;

  /// Makes numbers of `to` out of those at hand, in its carrier: each is rounded once, to the nearest, ties to even.
  ///
  /// Floats become integers towards zero, saturated, NaN 0; integers become narrower ones modulo 2^bits; `bool` is "not
  /// 0".
  void convert(DType to);

  Carrier carrier() const { return carrier_; }
  std::size_t size() const { return size_; }

  /// The numbers, `T` being the carrier's type.
  template <class T>
  std::span<T> as() {
    return {array<T>(numbers_), size_};
  }
  template <class T>
  std::span<const T> as() const {
    return {array<T>(numbers_), size_};
  }

 private:
  template <class T>
  static auto* array(auto& numbers) {
    if constexpr (std::is_same_v<T, float>)
      return numbers.f32;
    else if constexpr (std::is_same_v<T, double>)
      return numbers.f64;
    else if constexpr (std::is_same_v<T, std::int64_t>)
      return numbers.i64;
    else
      return numbers.u64;
  }
  template <class From, class To, class F>
  void rewrite(F make);
  template <class From>
  void convert_from(DType to);

  Carrier carrier_ = Carrier::F32;
  std::size_t size_ = 0;
  union Numbers {
    alignas(64) float f32[Capacity];
    double f64[Capacity];
    std::int64_t i64[Capacity];
    std::uint64_t u64[Capacity];
  } numbers_;
};

/// `number` as the nearest one of `dtype`: what a constant is worth in an expression of that type.
double rounded(double number, DType dtype);

/// The element as a double: exact but for 64-bit integers.
double to_double(DType dtype, std::span<const std::byte> element);

}  // namespace rulec
