// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/byte_reader.h"

#include <fmt/core.h>

namespace rulec::ocdbt {

void ByteReader::fail(std::string_view what) {
  if (failed_) return;
  failed_ = report_bad(origin_, 0, fmt::format("at byte {} of its contents, {}", at_, what), diags_);
}

std::span<const std::byte> ByteReader::bytes(std::uint64_t size, std::string_view what) {
  if (failed_) return {};
  if (size > bytes_left()) {
    fail(fmt::format("{} takes {} bytes, {} are left", what, size, bytes_left()));
    return {};
  }
  const auto found = body_.subspan(at_, size);
  at_ += size;
  return found;
}

std::string_view ByteReader::text(std::uint64_t size, std::string_view what) {
  const auto found = bytes(size, what);
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

std::uint64_t ByteReader::little_endian(std::size_t size, std::string_view what) {
  std::uint64_t value = 0;
  const auto found = bytes(size, what);
  for (std::size_t i = found.size(); i-- > 0;) value = value << 8U | std::to_integer<std::uint64_t>(found[i]);
  return value;
}

std::uint8_t ByteReader::u8(std::string_view what) {
  return static_cast<std::uint8_t>(little_endian(1, what));
}

std::uint32_t ByteReader::u32le(std::string_view what) {
  return static_cast<std::uint32_t>(little_endian(4, what));
}

std::uint64_t ByteReader::u64le(std::string_view what) {
  return little_endian(8, what);
}

std::uint64_t ByteReader::varint(std::string_view what, std::uint64_t max) {
  std::uint64_t value = 0;
  const std::size_t begin = at_;
  for (unsigned shift = 0;; shift += 7) {
    const std::uint8_t byte = u8(what);
    if (failed_) return 0;
    // Of the tenth byte there is room for one bit.
    if (shift == 63 && byte > 1) {
      at_ = begin;
      fail(fmt::format("{} does not fit into 64 bits", what));
      return 0;
    }
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) break;
  }
  if (value <= max) return value;
  at_ = begin;
  fail(fmt::format("{} is {}, expected {}{}", what, value, max, max == 0 ? "" : " or less"));
  return 0;
}

std::vector<std::uint64_t> ByteReader::varints(std::size_t count, std::string_view what, std::uint64_t max) {
  std::vector<std::uint64_t> values;
  if (bytes_left() < count) {
    fail(fmt::format("{} takes {} bytes or more, {} are left", what, count, bytes_left()));
    return values;
  }
  values.reserve(count);
  while (values.size() < count && !failed_) values.push_back(varint(what, max));
  return values;
}

std::size_t ByteReader::count(std::string_view what, std::uint64_t max, std::size_t least_bytes) {
  const std::size_t begin = at_;
  const std::uint64_t value = varint(what, max);
  if (value <= bytes_left() / least_bytes) return value;
  const std::size_t left = bytes_left();
  at_ = begin;
  fail(fmt::format("{} is {}, too many for the {} bytes that follow", what, value, left));
  return 0;
}

void ByteReader::charge(std::uint64_t bytes) {
  if (!failed_ && !budget_.take(bytes, origin_, diags_)) failed_ = diags_.failed();
}

Status ByteReader::finish() {
  if (bytes_left() > 0) fail(fmt::format("{} bytes follow its end", bytes_left()));
  if (failed_) return *failed_;
  return Done{};
}

}  // namespace rulec::ocdbt
