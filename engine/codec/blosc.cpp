// SPDX-License-Identifier: Apache-2.0
#include <blosc.h>
#include <fmt/core.h>

#include "engine/codec/compression.h"

namespace rulec {
namespace {

// No compressor of blosc packs more into a byte: zstd needs four bytes for a block of 128 KiB that repeats one. What
// claims to hold more than that is not given the memory.
constexpr std::uint64_t MaxRatio = 32768;

Decoded failure(std::string error, bool is_over_limit = false) {
  return {.bytes = {}, .error = std::move(error), .is_over_limit = is_over_limit};
}

}  // namespace

Decoded decode_blosc(std::span<const std::byte> container, std::uint64_t limit) {
  if (container.size() < BLOSC_MIN_HEADER_LENGTH) {
    return failure(fmt::format("the blosc container has {} bytes, its header alone has {}", container.size(),
                               BLOSC_MIN_HEADER_LENGTH));
  }
  std::size_t bytes = 0;
  if (blosc_cbuffer_validate(container.data(), container.size(), &bytes) != 0) {
    return failure("the header of the blosc container is damaged, or the container is cut off");
  }
  if (bytes > limit) return failure(fmt::format("the blosc container unpacks to more than {} bytes", limit), true);
  if (bytes / MaxRatio > container.size()) {
    return failure(fmt::format("the blosc container of {} bytes claims to hold {}", container.size(), bytes));
  }
  Decoded decoded;
  decoded.bytes.resize(bytes);
  const int got = blosc_decompress_ctx(container.data(), decoded.bytes.data(), bytes, 1);
  if (got < 0 || static_cast<std::size_t>(got) != bytes) {
    return failure("the blosc container is damaged, or packed by a compressor that is not built in");
  }
  return decoded;
}

}  // namespace rulec
