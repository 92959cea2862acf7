// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "engine/tensor/numbers.h"
#include "engine/zarr/metadata/document.h"

namespace rulec::zarr {
namespace {

using Kind = JsonValue::Kind;
using Bytes = std::vector<std::byte>;

Bytes little_endian(std::uint64_t bits, std::size_t bytes) {
  Bytes out;
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(bits >> 8U * i));
  return out;
}

// A whole number that the bits of the type hold, in two's complement. TensorStore takes `0.0` for one too.
std::optional<std::uint64_t> integer(const JsonTree& tree, ElementType type) {
  const bool is_signed = family(type) == ElementFamily::Signed;
  const std::size_t bits = type == ElementType::Int4 ? 4 : (type == ElementType::Int2 ? 2 : 8 * element_bytes(type));
  const std::uint64_t most = ~std::uint64_t{0} >> (64 - bits + (is_signed ? 1 : 0));
  if (tree.is(Kind::Unsigned)) return tree.number <= most ? std::optional(tree.number) : std::nullopt;
  if (tree.is(Kind::Float)) return tree.approximate == 0 ? std::optional<std::uint64_t>(0) : std::nullopt;
  if (!tree.is(Kind::Negative) || !is_signed) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(tree.text.data(), tree.text.data() + tree.text.size(), number);
  if (error != std::errc() || number < -static_cast<std::int64_t>(most) - 1) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

std::optional<double> real(const JsonTree& tree) {
  constexpr double Infinity = std::numeric_limits<double>::infinity();
  switch (tree.kind) {
    case Kind::Unsigned:
      return static_cast<double>(tree.number);
    case Kind::Float:
      return tree.approximate;
    case Kind::Negative:
      return std::strtod(tree.text.c_str(), nullptr);
    case Kind::String:
      if (tree.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
      if (tree.text == "Infinity") return Infinity;
      if (tree.text == "-Infinity") return -Infinity;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// "0x7fc00000": the bits themselves, as many digits as the type has.
std::optional<std::uint64_t> hexadecimal(const JsonTree& tree, std::size_t bytes) {
  if (!tree.is(Kind::String) || tree.text.size() != 2 + 2 * bytes || !tree.text.starts_with("0x")) return std::nullopt;
  std::uint64_t bits = 0;
  const char* const text_end = tree.text.data() + tree.text.size();
  const auto [end, error] = std::from_chars(tree.text.data() + 2, text_end, bits, 16);
  if (error != std::errc() || end != text_end) return std::nullopt;
  return bits;
}

std::optional<Bytes> encoded(double number, ElementType type) {
  const std::optional<DType> to = dtype(type);
  if (!to) return number == 0 ? std::optional(Bytes(element_bytes(type))) : std::nullopt;
  Bytes out(element_bytes(type));
  Bytes in(sizeof number);
  std::memcpy(in.data(), &number, sizeof number);
  // E8M0 has no zero: all bits 0 is what TensorStore means by it.
  if (number == 0 && *to == DType::F8E8M0) return out;
  Tile tile;
  tile.read(DType::F64, in);
  tile.convert(*to);
  tile.write(*to, out);
  return out;
}

std::optional<Bytes> floating(const JsonTree& tree, ElementType type) {
  if (const auto bits = hexadecimal(tree, element_bytes(type))) return little_endian(*bits, element_bytes(type));
  const std::optional<double> number = real(tree);
  return number ? encoded(*number, type) : std::nullopt;
}

std::optional<Bytes> complex(const JsonTree& tree, ElementType type) {
  const ElementType part = type == ElementType::Complex64 ? ElementType::Float32 : ElementType::Float64;
  if (!tree.is(Kind::List) || tree.items.size() != 2) return std::nullopt;
  std::optional<Bytes> both = floating(tree.items[0], part);
  const std::optional<Bytes> imaginary = floating(tree.items[1], part);
  if (!both || !imaginary) return std::nullopt;
  both->insert(both->end(), imaginary->begin(), imaginary->end());
  return both;
}

std::optional<Bytes> bytes_of(const JsonTree& tree, ElementType type) {
  switch (family(type)) {
    case ElementFamily::Boolean:
      if (!tree.is(Kind::Boolean)) return std::nullopt;
      return little_endian(tree.number, 1);
    case ElementFamily::Signed:
    case ElementFamily::Unsigned: {
      const auto number = integer(tree, type);
      return number ? std::optional(little_endian(*number, element_bytes(type))) : std::nullopt;
    }
    case ElementFamily::Float:
      return floating(tree, type);
    case ElementFamily::Complex:
      return complex(tree, type);
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<std::byte>> parse_fill_value(const JsonTree& tree, ElementType type, const Document& document) {
  if (std::optional<Bytes> bytes = bytes_of(tree, type)) return *std::move(bytes);
  return document.bad_value(tree, "fill_value", fmt::format("a value of {}", name(type)));
}

}  // namespace rulec::zarr
