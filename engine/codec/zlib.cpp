// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include <fmt/core.h>

#include "engine/codec/compression.h"

namespace rulec {
namespace {

constexpr std::uint64_t FirstBytes = 1U << 16U;

// What zlib's `windowBits` means.
enum class Wrapper : int { Zlib = 15, Gzip = 15 + 16 };

class Inflater {
 public:
  Inflater(Wrapper wrapper, std::span<const std::byte> in) : in_(in) {
    is_open_ = inflateInit2(&stream_, static_cast<int>(wrapper)) == Z_OK;
  }
  ~Inflater() {
    if (is_open_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool is_open() const { return is_open_; }
  /// Bytes that were not needed.
  std::size_t left() const { return in_.size() + stream_.avail_in; }
  std::string_view words() const { return stream_.msg != nullptr ? stream_.msg : "it is damaged"; }

  /// Unpacks until `out` is full or nothing goes on, and tells how far it came. zlib counts in 32 bits.
  int run(std::span<std::byte> out, std::size_t& written) {
    constexpr std::size_t Most = std::numeric_limits<uInt>::max();
    int code = Z_OK;
    while (code == Z_OK && written < out.size()) {
      if (stream_.avail_in == 0) {
        const std::size_t part = std::min(in_.size(), Most);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in_.data()));
        stream_.avail_in = static_cast<uInt>(part);
        in_ = in_.subspan(part);
      }
      const std::size_t room = std::min(out.size() - written, Most);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + written);
      stream_.avail_out = static_cast<uInt>(room);
      code = inflate(&stream_, Z_NO_FLUSH);
      written += room - stream_.avail_out;
    }
    return code;
  }

 private:
  z_stream stream_ = {};
  std::span<const std::byte> in_;
  bool is_open_ = false;
};

Decoded failure(std::string_view what, std::string_view why, bool is_over_limit = false) {
  return {.bytes = {}, .error = fmt::format("the {} {}", what, why), .is_over_limit = is_over_limit};
}

Decoded decode(Wrapper wrapper, std::string_view what, std::span<const std::byte> in, std::uint64_t limit) {
  Inflater inflater(wrapper, in);
  if (!inflater.is_open()) return failure(what, "cannot be unpacked: there is no memory");
  Decoded decoded;
  std::size_t written = 0;
  int code = Z_OK;
  // The room grows with what has come out. One byte more than allowed shows that there is more.
  while (code == Z_OK && written <= limit) {
    const std::uint64_t room = std::max<std::uint64_t>(FirstBytes, std::uint64_t{2} * written);
    decoded.bytes.resize(static_cast<std::size_t>(std::min(room, limit) + (room >= limit ? 1 : 0)));
    code = inflater.run(decoded.bytes, written);
  }
  if (written > limit) return failure(what, fmt::format("unpacks to more than {} bytes", limit), true);
  if (code == Z_BUF_ERROR) return failure(what, "is cut off");
  if (code == Z_NEED_DICT) return failure(what, "needs a dictionary");
  if (code != Z_STREAM_END) return failure(what, fmt::format("is damaged: {}", inflater.words()));
  if (inflater.left() > 0) return failure(what, fmt::format("is followed by {} bytes", inflater.left()));
  decoded.bytes.resize(written);
  return decoded;
}

}  // namespace

Decoded decode_gzip(std::span<const std::byte> member, std::uint64_t limit) {
  return decode(Wrapper::Gzip, "gzip member", member, limit);
}

Decoded decode_zlib(std::span<const std::byte> stream, std::uint64_t limit) {
  return decode(Wrapper::Zlib, "zlib stream", stream, limit);
}

}  // namespace rulec
