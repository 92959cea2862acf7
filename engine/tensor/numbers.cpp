// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor/numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "engine/tensor/clones.h"
#include "engine/tensor/float_types.h"
#include "engine/tensor/small_floats.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

/// Calls `visit` with a value of the C++ type that an integer or boolean dtype is stored as.
template <class F>
void with_integer_type(DType dtype, F visit) {
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return visit(std::uint8_t{});
    case DType::I8:
      return visit(std::int8_t{});
    case DType::U16:
      return visit(std::uint16_t{});
    case DType::I16:
      return visit(std::int16_t{});
    case DType::U32:
      return visit(std::uint32_t{});
    case DType::I32:
      return visit(std::int32_t{});
    case DType::U64:
      return visit(std::uint64_t{});
    case DType::I64:
      return visit(std::int64_t{});
    default:
      RULEC_ASSERT(false && "no integer");
  }
}

// Elements lie at any address, so that they are copied, never pointed at; the compiler makes plain loads and stores of
// it.
template <class Stored, class Number, class F>
void read_each(std::span<const std::byte> bytes, std::span<Number> numbers, F number_of) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Stored element;
    std::memcpy(&element, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    numbers[i] = number_of(element);
  }
}

template <class Stored, class Number, class F>
void write_each(std::span<const Number> numbers, std::span<std::byte> bytes, F element_of) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Stored element = element_of(numbers[i]);
    std::memcpy(bytes.data() + i * sizeof(Stored), &element, sizeof(Stored));
  }
}

// The same for bf16 and f16, whose loops are what conversions spend their time in.
template <auto NumberOf>
RULEC_CLONES void read_halves(std::span<const std::byte> bytes, std::span<float> numbers) {
  read_each<std::uint16_t>(bytes, numbers, [](std::uint16_t bits) { return NumberOf(bits); });
}

template <auto BitsOf>
RULEC_CLONES void write_halves(std::span<const float> numbers, std::span<std::byte> bytes) {
  write_each<std::uint16_t>(numbers, bytes, [](float number) { return BitsOf(number); });
}

template <auto BitsOf, auto NumberOf>
RULEC_CLONES void round_to_halves(std::span<float> numbers) {
  for (float& number : numbers) number = NumberOf(BitsOf(number));
}

void read_floats(DType dtype, std::span<const std::byte> bytes, std::span<float> numbers) {
  if (dtype == DType::F32) {
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
  } else if (dtype == DType::Bf16) {
    read_halves<bf16_to_f32>(bytes, numbers);
  } else if (dtype == DType::F16) {
    read_halves<f16_to_f32>(bytes, numbers);
  } else if (dtype == DType::F4) {
    const auto& values = small_float_values(dtype);
    for (std::size_t i = 0; i < numbers.size(); ++i) {  // two in a byte, the lower half first
      numbers[i] = values[(std::to_integer<unsigned>(bytes[i / 2]) >> (i % 2 * 4)) & 15];
    }
  } else {
    const auto& values = small_float_values(dtype);
    read_each<std::uint8_t>(bytes, numbers, [&](std::uint8_t code) { return values[code]; });
  }
}

void write_floats(std::span<const float> numbers, DType dtype, std::span<std::byte> bytes) {
  if (dtype == DType::F32) {
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
  } else if (dtype == DType::Bf16) {
    write_halves<f32_to_bf16>(numbers, bytes);
  } else if (dtype == DType::F16) {
    write_halves<f32_to_f16>(numbers, bytes);
  } else {
    write_each<std::uint8_t>(numbers, bytes, [dtype](float number) { return f32_to_small_float(number, dtype); });
  }
}

void round_floats(std::span<float> numbers, DType dtype) {
  if (dtype == DType::F32) return;
  if (dtype == DType::Bf16) {
    round_to_halves<f32_to_bf16, bf16_to_f32>(numbers);
  } else if (dtype == DType::F16) {
    round_to_halves<f32_to_f16, f16_to_f32>(numbers);
  } else {
    const auto& values = small_float_values(dtype);
    for (float& number : numbers) number = values[f32_to_small_float(number, dtype)];
  }
}

template <class Integer>
void round_integers(std::span<Integer> numbers, DType dtype) {
  if (dtype == DType::Bool) {
    for (Integer& number : numbers) number = number != 0;
  } else {
    with_integer_type(dtype, [&](auto zero) {
      for (Integer& number : numbers) number = static_cast<Integer>(static_cast<decltype(zero)>(number));
    });
  }
}

/// Towards zero, and to the nearest there is.
template <class Integer>
Integer saturated(double number) {
  using Limits = std::numeric_limits<Integer>;
  if (number != number) return 0;
  if (number <= static_cast<double>(Limits::min())) return Limits::min();
  if (number >= static_cast<double>(Limits::max())) return Limits::max();  // 2^63 and 2^64 are what the limits become
  return static_cast<Integer>(number);
}

}  // namespace

Carrier carrier_of(DType dtype) {
  switch (dtype) {
    case DType::F64:
      return Carrier::F64;
    case DType::U64:
      return Carrier::U64;
    default:
      return is_integer(dtype) || dtype == DType::Bool ? Carrier::I64 : Carrier::F32;
  }
}

bool is_readable(DType dtype) {
  return dtype == DType::Bool || is_integer(dtype) || is_arithmetic_float(dtype) || is_small_float(dtype);
}

bool is_writable(DType dtype) {
  return is_readable(dtype) && dtype != DType::F4;
}

bool is_arithmetic_float(DType dtype) {
  return dtype == DType::Bf16 || dtype == DType::F16 || dtype == DType::F32 || dtype == DType::F64;
}

bool is_integer(DType dtype) {
  switch (dtype) {
    case DType::U8:
    case DType::I8:
    case DType::U16:
    case DType::I16:
    case DType::U32:
    case DType::I32:
    case DType::U64:
    case DType::I64:
      return true;
    default:
      return false;
  }
}

void Tile::read(DType dtype, std::span<const std::byte> bytes) {
  RULEC_ASSERT(is_readable(dtype));
  carrier_ = carrier_of(dtype);
  size_ = bytes.size() * 8 / static_cast<std::size_t>(bits(dtype));
  RULEC_ASSERT(size_ <= Capacity);
  switch (carrier_) {
    case Carrier::F32:
      return read_floats(dtype, bytes, as<float>());
    case Carrier::F64:
      std::memcpy(numbers_.f64, bytes.data(), bytes.size());
      return;
    case Carrier::U64:
      std::memcpy(numbers_.u64, bytes.data(), bytes.size());
      return;
    case Carrier::I64:
      with_integer_type(dtype, [&](auto zero) {
        read_each<decltype(zero)>(bytes, as<std::int64_t>(),
                                  [](auto element) { return static_cast<std::int64_t>(element); });
      });
      if (dtype == DType::Bool) round_integers(as<std::int64_t>(), dtype);
  }
}

void Tile::write(DType dtype, std::span<std::byte> bytes) const {
  RULEC_ASSERT(is_writable(dtype) && carrier_of(dtype) == carrier_);
  RULEC_ASSERT(bytes.size() * 8 == size_ * static_cast<std::size_t>(bits(dtype)));
  switch (carrier_) {
    case Carrier::F32:
      return write_floats(as<float>(), dtype, bytes);
    case Carrier::F64:
      std::memcpy(bytes.data(), numbers_.f64, bytes.size());
      return;
    case Carrier::U64:
      std::memcpy(bytes.data(), numbers_.u64, bytes.size());
      return;
    case Carrier::I64:
      if (dtype == DType::Bool) {
        return write_each<std::uint8_t>(as<std::int64_t>(), bytes, [](std::int64_t number) { return number != 0; });
      }
      with_integer_type(dtype, [&](auto zero) {
        write_each<decltype(zero)>(as<std::int64_t>(), bytes,
                                   [](std::int64_t number) { return static_cast<decltype(zero)>(number); });
      });
  }
}

/// Replaces every number by `make` of it, another carrier's.
template <class From, class To, class F>
void Tile::rewrite(F make) {
  std::array<From, Capacity> old;
  std::ranges::copy(as<From>(), old.begin());
  const std::span<To> made = as<To>();
  for (std::size_t i = 0; i < size_; ++i) made[i] = make(old[i]);
}

template <class From>
void Tile::convert_from(DType to) {
  constexpr bool FromFloat = std::is_floating_point_v<From>;
  switch (carrier_of(to)) {
    case Carrier::F32:
      if constexpr (!std::is_same_v<From, float>) {
        const auto wide = [](From number) {
          if constexpr (FromFloat)
            return number;
          else
            return to_odd_f64(number);
        };
        if (to == DType::F32) {
          rewrite<From, float>([&](From number) { return static_cast<float>(wide(number)); });
        } else {
          rewrite<From, float>([&](From number) { return to_odd_f32(wide(number)); });
        }
      }
      return round_floats(as<float>(), to);
    case Carrier::F64:
      if constexpr (!std::is_same_v<From, double>)
        rewrite<From, double>([](From number) { return static_cast<double>(number); });
      return;
    case Carrier::I64:
      if (to == DType::Bool) return rewrite<From, std::int64_t>([](From number) { return std::int64_t{number != 0}; });
      if constexpr (FromFloat) {
        return with_integer_type(to, [&](auto zero) {
          rewrite<From, std::int64_t>(
              [](From number) { return static_cast<std::int64_t>(saturated<decltype(zero)>(number)); });
        });
      } else {
        rewrite<From, std::int64_t>([](From number) { return static_cast<std::int64_t>(number); });
        return round_integers(as<std::int64_t>(), to);
      }
    case Carrier::U64:
      if constexpr (FromFloat)
        return rewrite<From, std::uint64_t>(saturated<std::uint64_t>);
      else
        return rewrite<From, std::uint64_t>([](From number) { return static_cast<std::uint64_t>(number); });
  }
}

void Tile::convert(DType to) {
  RULEC_ASSERT(is_readable(to));
  switch (carrier_) {
    case Carrier::F32:
      convert_from<float>(to);
      break;
    case Carrier::F64:
      convert_from<double>(to);
      break;
    case Carrier::I64:
      convert_from<std::int64_t>(to);
      break;
    case Carrier::U64:
      convert_from<std::uint64_t>(to);
      break;
  }
  carrier_ = carrier_of(to);
}

double rounded(double number, DType dtype) {
  if (dtype == DType::F64) return number;
  Tile tile;
  tile.read(DType::F64, std::as_bytes(std::span(&number, 1)));
  tile.convert(dtype);
  tile.convert(DType::F64);
  return tile.as<double>().front();
}

double to_double(DType dtype, std::span<const std::byte> element) {
  Tile tile;
  tile.read(dtype, element);
  tile.convert(DType::F64);
  return tile.as<double>().front();
}

}  // namespace rulec
