// SPDX-License-Identifier: Apache-2.0
// Every conversion against a reference that is slow and knows no tricks: decode by the formula, search the nearest by
// bisection.
#include "engine/tensor/numbers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "engine/tensor/float_types.h"

namespace rulec::numbers_test {
namespace {

using Wide = long double;  // holds every number of every type exactly

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  std::uint64_t largest;   // codes without sign
  std::uint64_t overflow;  // what infinity is read from and written as
  std::uint64_t nan;
  bool has_sign = true;
  bool is_fnuz = false;
};

std::optional<FloatFormat> format_of(DType dtype) {
  switch (dtype) {
    case DType::F4:
      return FloatFormat{2, 1, 1, 7, 8, 8};
    case DType::F8E5M2:
      return FloatFormat{5, 2, 15, 0x7B, 0x7C, 0x7E};
    case DType::F8E4M3:
      return FloatFormat{4, 3, 7, 0x7E, 0x7F, 0x7F};
    case DType::F8E5M2Fnuz:
      return FloatFormat{5, 2, 16, 0x7F, 0x80, 0x80, true, true};
    case DType::F8E4M3Fnuz:
      return FloatFormat{4, 3, 8, 0x7F, 0x80, 0x80, true, true};
    case DType::F16:
      return FloatFormat{5, 10, 15, 0x7BFF, 0x7C00, 0x7E00};
    case DType::Bf16:
      return FloatFormat{8, 7, 127, 0x7F7F, 0x7F80, 0x7FC0};
    case DType::F32:
      return FloatFormat{8, 23, 127, 0x7F7FFFFF, 0x7F800000, 0x7FC00000};
    case DType::F64:
      return FloatFormat{11, 52, 1023, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF8000000000000};
    default:
      return std::nullopt;
  }
}

bool is_signed_integer(DType dtype) {
  return dtype == DType::I8 || dtype == DType::I16 || dtype == DType::I32 || dtype == DType::I64;
}

std::uint64_t mask(DType dtype) {
  return ~std::uint64_t{0} >> (64 - bits(dtype));
}

Wide decode(const FloatFormat& format, std::uint64_t magnitude) {
  if (magnitude == format.overflow && format.overflow != format.nan) return std::numeric_limits<Wide>::infinity();
  if (magnitude > format.largest) return std::numeric_limits<Wide>::quiet_NaN();
  const auto exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  const std::uint64_t mantissa = magnitude & ((std::uint64_t{1} << format.mantissa_bits) - 1);
  const std::uint64_t hidden = exponent == 0 ? 0 : std::uint64_t{1} << format.mantissa_bits;
  return std::ldexp(static_cast<Wide>(mantissa + hidden), std::max(exponent, 1) - format.bias - format.mantissa_bits);
}

Wide decode(DType dtype, std::uint64_t code) {
  if (dtype == DType::F8E8M0) {
    return code == 255 ? std::numeric_limits<Wide>::quiet_NaN() : std::ldexp(Wide{1}, static_cast<int>(code) - 127);
  }
  if (dtype == DType::Bool) return code != 0;
  if (const auto format = format_of(dtype)) {
    const std::uint64_t sign = (mask(dtype) >> 1) + 1;
    if (format->is_fnuz && code == sign) return std::numeric_limits<Wide>::quiet_NaN();
    return std::copysign(decode(*format, code & ~sign), (code & sign) != 0 ? Wide{-1} : Wide{1});
  }
  if (!is_signed_integer(dtype)) return static_cast<Wide>(code);
  const int unused = 64 - bits(dtype);
  return static_cast<Wide>(static_cast<std::int64_t>(code << unused) >> unused);
}

std::uint64_t encode_float(DType dtype, Wide number) {
  if (dtype == DType::F8E8M0) {
    if (!(number > 0) || number >= 0x1.8p127L) return 255;
    std::uint64_t code = 0;
    while (number >= decode(dtype, code) * 1.5L) ++code;
    return code;
  }
  if (dtype == DType::F32) return std::bit_cast<std::uint32_t>(static_cast<float>(number));
  if (dtype == DType::F64) return std::bit_cast<std::uint64_t>(static_cast<double>(number));
  const FloatFormat format = *format_of(dtype);
  const std::uint64_t sign = std::signbit(number) ? (mask(dtype) >> 1) + 1 : 0;
  const Wide magnitude = std::fabs(number);
  if (std::isnan(number)) return format.is_fnuz ? format.nan : sign | format.nan;
  // The first number above the largest would be where the largest but one is away from it.
  const Wide largest = decode(format, format.largest);
  const Wide step = largest - decode(format, format.largest - 1);
  const bool largest_is_odd = format.largest % 2 != 0;
  if (largest_is_odd ? magnitude >= largest + step / 2 : magnitude > largest + step / 2) {
    return format.is_fnuz ? format.nan : sign | format.overflow;
  }
  std::uint64_t low = 0;
  std::uint64_t high = format.largest;
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (decode(format, middle) <= magnitude ? low : high) = middle;
  }
  const Wide below = magnitude - decode(format, low);
  const Wide above = decode(format, high) - magnitude;
  const std::uint64_t nearest = above < below || (above == below && high % 2 == 0) ? high : low;
  return format.is_fnuz && nearest == 0 ? 0 : sign | nearest;
}

std::uint64_t modulo_2_64(Wide whole) {
  return whole < 0 ? 0 - static_cast<std::uint64_t>(-whole) : static_cast<std::uint64_t>(whole);
}

std::uint64_t encode(DType from, std::uint64_t code, DType to) {
  const Wide number = decode(from, code);
  if (carrier_of(to) == Carrier::F32 || carrier_of(to) == Carrier::F64) return encode_float(to, number);
  if (to == DType::Bool) return number != 0;
  if (carrier_of(from) == Carrier::I64 || carrier_of(from) == Carrier::U64) {
    return modulo_2_64(number) & mask(to);
  }
  if (std::isnan(number)) return 0;
  const Wide smallest = is_signed_integer(to) ? -std::ldexp(Wide{1}, bits(to) - 1) : 0;
  const Wide largest = static_cast<Wide>(is_signed_integer(to) ? mask(to) >> 1 : mask(to));
  return modulo_2_64(std::clamp(std::trunc(number), smallest, largest)) & mask(to);
}

/// All codes of narrow types; of wide ones, what rounds in all ways when it becomes a narrow one, and codes by chance.
std::vector<std::uint64_t> codes_of(DType dtype) {
  std::vector<std::uint64_t> codes;
  if (bits(dtype) <= 16) {
    for (std::uint64_t code = 0; code <= mask(dtype); ++code) codes.push_back(code);
    return codes;
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t code = random() & mask(dtype);
    codes.push_back(code);
    codes.push_back(code >> (random() % static_cast<unsigned>(bits(dtype))));
    // The upper bits alone lie on the numbers of narrower types, the next one halfway, and one more bit tips the
    // scales.
    const auto kept = 4 + random() % (static_cast<unsigned>(bits(dtype)) - 6);
    const std::uint64_t halfway = code & ~(mask(dtype) >> kept);
    codes.insert(codes.end(), {halfway, halfway | 1, (halfway - 1) & mask(dtype)});
  }
  if (dtype == DType::F64) {  // near the numbers of narrower floats, where exponents seldom fall by chance
    for (int i = 0; i < 10000; ++i) {
      const auto near = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(random() & 0xFFFFF000)));
      const std::uint64_t code = std::bit_cast<std::uint64_t>(near);
      codes.insert(codes.end(), {code, code + 1, code - 1});
    }
  }
  return codes;
}

std::vector<std::byte> elements_of(DType dtype, const std::vector<std::uint64_t>& codes) {
  const auto size = static_cast<std::size_t>(bits(dtype)) / 8;
  if (dtype == DType::F4) {
    std::vector<std::byte> packed(codes.size() / 2);
    for (std::size_t i = 0; i < packed.size(); ++i)
      packed[i] = static_cast<std::byte>(codes[2 * i] | codes[2 * i + 1] << 4);
    return packed;
  }
  std::vector<std::byte> bytes(codes.size() * size);
  for (std::size_t i = 0; i < codes.size(); ++i) std::memcpy(bytes.data() + i * size, &codes[i], size);
  return bytes;
}

/// NaNs keep their payloads between f32 and f64, or not, as the machine likes.
bool is_as_wanted(DType from, DType to, std::uint64_t wanted, std::uint64_t got) {
  if (wanted == got) return true;
  const bool is_wide =
      (from == DType::F32 || from == DType::F64 || bits(from) <= 16) && (to == DType::F32 || to == DType::F64);
  return is_wide && std::isnan(decode(to, wanted)) && std::isnan(decode(to, got));
}

}  // namespace

TEST_CASE("every conversion rounds once, as the slow reference does") {
  for (const DType from : all_dtypes()) {
    if (!is_readable(from)) continue;
    const std::vector<std::uint64_t> codes = codes_of(from);
    const std::vector<std::byte> elements = elements_of(from, codes);
    for (const DType to : all_dtypes()) {
      if (!is_writable(to)) continue;
      CAPTURE(rule_name(from));
      CAPTURE(rule_name(to));
      const auto step = std::min(codes.size(), Tile::Capacity);
      for (std::size_t first = 0; first < codes.size(); first += step) {
        const std::size_t count = std::min(step, codes.size() - first);
        const auto from_bits = static_cast<std::size_t>(bits(from));
        Tile tile;
        tile.read(from, std::span(elements).subspan(first * from_bits / 8, count * from_bits / 8));
        if (from != to) tile.convert(to);
        const auto to_bytes = static_cast<std::size_t>(bits(to)) / 8;
        std::vector<std::byte> made(count * to_bytes);
        tile.write(to, made);
        for (std::size_t i = 0; i < count; ++i) {
          std::uint64_t got = 0;
          std::memcpy(&got, made.data() + i * to_bytes, to_bytes);
          const std::uint64_t wanted = encode(from, codes[first + i], to);
          if (is_as_wanted(from, to, wanted, got)) continue;
          CAPTURE(codes[first + i]);
          REQUIRE(got == wanted);
        }
      }
    }
  }
}

TEST_CASE("widening moves the payloads of NaNs") {
  CHECK(std::bit_cast<std::uint32_t>(bf16_to_f32(0x7F81)) == 0x7F810000);
  CHECK(std::bit_cast<std::uint32_t>(bf16_to_f32(0xFFFF)) == 0xFFFF0000);
  CHECK(std::bit_cast<std::uint32_t>(f16_to_f32(0x7C01)) == 0x7F802000);
}

TEST_CASE("constants are rounded to their type") {
  CHECK(rounded(0.1, DType::Bf16) == 0.10009765625);
  CHECK(rounded(0.1, DType::F16) == 0.0999755859375);
  CHECK(rounded(0.1, DType::F32) == static_cast<double>(0.1F));
  CHECK(rounded(0.1, DType::F64) == 0.1);
  // A float in between would round up to 1.0078125 first, and then stay there.
  CHECK(rounded(1 + 0x1p-8 + 0x1p-40, DType::Bf16) == 1.0078125);
  CHECK(rounded(1 + 0x1p-8, DType::Bf16) == 1.0);
}

}  // namespace rulec::numbers_test
