// SPDX-License-Identifier: Apache-2.0
#include "engine/ocdbt/envelope.h"

#include <fmt/core.h>

#include "engine/codec/compression.h"
#include "engine/codec/crc32c.h"
#include "engine/file/printable.h"
#include "engine/ocdbt/byte_reader.h"
#include "engine/ocdbt/byte_writer.h"
#include "grammar/messages.h"

namespace rulec::ocdbt {
namespace {

constexpr std::size_t LengthAt = 4;
constexpr std::size_t VersionAt = 12;
constexpr std::size_t ChecksumBytes = 4;
constexpr std::size_t LeastBytes = VersionAt + 2 + ChecksumBytes;
constexpr std::uint64_t Stored = 0;
constexpr std::uint64_t Zstd = 1;
constexpr std::string_view FetchAgain = "it was damaged or cut off: fetch the checkpoint again";

// As the bytes stand in a file.
std::string hexadecimal(std::uint32_t magic) {
  return fmt::format("{:08x}", __builtin_bswap32(magic));
}

Status check_frame(std::span<const std::byte> bytes, Magic magic, const Origin& origin, Diagnostics& diags) {
  if (bytes.size() < LeastBytes) {
    return report_bad(origin, 0, fmt::format("it has {} bytes, expected {} or more", bytes.size(), LeastBytes), diags);
  }
  Budget none;
  ByteReader reader(bytes, origin, none, diags);
  const auto expected = static_cast<std::uint32_t>(magic);
  if (const std::uint32_t found = reader.u32le("the magic number"); found != expected) {
    return report_bad(origin, 0,
                      fmt::format("it begins with {}, expected {}", hexadecimal(found), hexadecimal(expected)), diags);
  }
  if (const std::uint64_t length = reader.u64le("the length"); length != bytes.size()) {
    return report_bad(origin, LengthAt, fmt::format("its length is {}, {} bytes are there", length, bytes.size()),
                      diags)
        .help(std::string(FetchAgain));
  }
  const std::span<const std::byte> summed = bytes.first(bytes.size() - ChecksumBytes);
  const std::uint32_t computed = crc32c(summed);
  if (const std::uint32_t stated = ByteReader(bytes.last(ChecksumBytes), origin, none, diags).u32le("the checksum");
      computed != stated) {
    return report_bad(origin, summed.size(),
                      fmt::format("its bytes have the CRC-32C {:08x}, its checksum is {:08x}", computed, stated), diags)
        .help(std::string(FetchAgain));
  }
  return Done{};
}

}  // namespace

Result<std::vector<std::byte>> open_envelope(std::span<const std::byte> bytes, Magic magic, const Origin& origin,
                                             Diagnostics& diags) {
  if (!check_frame(bytes, magic, origin, diags)) return diags.failed();
  const std::span<const std::byte> inner = bytes.subspan(VersionAt, bytes.size() - VersionAt - ChecksumBytes);
  Budget none;
  const Origin inner_origin{origin.path, origin.offset + VersionAt, origin.kind};
  ByteReader reader(inner, inner_origin, none, diags);
  reader.varint("the version of the format", 0);
  const std::uint64_t compression = reader.varint("the compression", Zstd);
  const std::span<const std::byte> body = reader.bytes(reader.bytes_left(), "the body");
  if (!reader.finish()) return diags.failed();
  if (compression == Stored) return std::vector(body.begin(), body.end());
  Decoded decoded = decode_zstd(body, MaxBodyBytes);
  if (decoded) return std::move(decoded.bytes);
  const std::uint64_t body_at = bytes.size() - ChecksumBytes - body.size();
  if (!decoded.is_over_limit) return report_bad(origin, body_at, decoded.error, diags);
  return report(diags, FilePlace{origin.path, origin.offset + body_at}, diag::OverLimit,
                fmt::format("a {} of `{}` cannot be unpacked: {}", origin.kind, printable(origin.path), decoded.error),
                fmt::format("{} bytes", MaxBodyBytes));
}

std::vector<std::byte> seal_envelope(std::span<const std::byte> body, Magic magic, Compression compression) {
  const std::vector<std::byte> packed = compression ? encode_zstd(body, *compression) : std::vector<std::byte>{};
  if (compression) body = packed;
  ByteWriter out;
  out.u32le(static_cast<std::uint32_t>(magic));
  out.u64le(LeastBytes + body.size());
  out.varint(0);
  out.varint(compression ? Zstd : Stored);
  out.bytes(body);
  out.u32le(crc32c(out.written()));
  return out.take();
}

}  // namespace rulec::ocdbt
