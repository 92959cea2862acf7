// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <new>

#include "engine/codec/compression.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

constexpr int MaxWindowLog = 27;  // 128 MiB, what zstd's own tools take unasked

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Context = std::unique_ptr<ZSTD_DCtx, FreeContext>;

Context new_context() {
  Context context(ZSTD_createDCtx());
  if (context == nullptr) throw std::bad_alloc();
  RULEC_ASSERT(ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, MaxWindowLog)) == 0);
  return context;
}

// The library may know formats from before the standard, which nobody writes. A beginning that is too short to tell is
// left to it.
bool begins_frame(std::span<const std::byte> bytes) {
  if (bytes.size() < 4) return true;
  std::uint32_t magic = 0;
  for (std::size_t i = 4; i-- > 0;) magic = magic << 8U | std::to_integer<std::uint32_t>(bytes[i]);
  return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

Unpacked failed(std::string error, bool is_over_limit = false) {
  return {.bytes = 0, .error = std::move(error), .is_over_limit = is_over_limit};
}

Unpacked library_error(std::size_t code) {
  if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
    return failed(fmt::format("the zstd window is larger than {} bytes", std::uint64_t{1} << MaxWindowLog), true);
  }
  return failed(fmt::format("the zstd frame is damaged: {}", ZSTD_getErrorName(code)));
}

/// Unpacks into `room`, and then into what `more` gives whenever that is full.
template <class More>
Unpacked unpack(std::span<const std::byte> frames, std::uint64_t limit, std::span<std::byte> room, const More& more) {
  const Context context = new_context();
  ZSTD_inBuffer in{frames.data(), frames.size(), 0};
  ZSTD_outBuffer out{room.data(), room.size(), 0};
  std::uint64_t full = 0;  // bytes in rooms before this one
  bool is_between_frames = true;
  while (in.pos < in.size || !is_between_frames) {
    if (is_between_frames && !begins_frame(frames.subspan(in.pos)))
      return failed(fmt::format("no zstd frame begins at its byte {}", in.pos));
    const ZSTD_inBuffer before = in;
    const std::size_t produced = out.pos;
    const std::size_t code = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(code) != 0) return library_error(code);
    if (full + out.pos > limit) return failed(fmt::format("it unpacks to more than {} bytes", limit), true);
    is_between_frames = code == 0;
    if (is_between_frames) continue;
    if (out.pos == out.size) {
      full += out.size;
      const std::span<std::byte> next = more(full);
      out = {next.data(), next.size(), 0};
    } else if (in.pos == before.pos && out.pos == produced) {
      return failed("the zstd frame is cut off");
    }
  }
  if (frames.empty()) return failed("there is no zstd frame");
  return {.bytes = full + out.pos};
}

}  // namespace

Decoded decode_zstd(std::span<const std::byte> frames, std::uint64_t limit) {
  // One more than the limit shows that it was passed.
  const std::uint64_t room = limit == ~std::uint64_t{0} ? limit : limit + 1;
  std::vector<std::byte> bytes(std::min<std::uint64_t>(room, 4 * frames.size() + (1U << 16U)));
  Unpacked unpacked = unpack(frames, limit, bytes, [&](std::uint64_t full) {
    bytes.resize(std::min<std::uint64_t>(room, 2 * full));
    return std::span(bytes).subspan(full);
  });
  if (!unpacked.error.empty())
    return {.bytes = {}, .error = std::move(unpacked.error), .is_over_limit = unpacked.is_over_limit};
  bytes.resize(unpacked.bytes);
  return {.bytes = std::move(bytes)};
}

Unpacked decode_zstd(std::span<const std::byte> frames, std::span<std::byte> into) {
  std::byte beyond[1];  // shows that the limit was passed
  return unpack(frames, into.size(), into, [&](std::uint64_t) { return std::span(beyond); });
}

std::vector<std::byte> encode_zstd(std::span<const std::byte> bytes, int level) {
  std::vector<std::byte> frame(ZSTD_compressBound(bytes.size()));
  frame.resize(encode_zstd(bytes, level, frame));
  return frame;
}

std::size_t encode_zstd(std::span<const std::byte> bytes, int level, std::span<std::byte> into) {
  RULEC_ASSERT(into.size() >= ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(into.data(), into.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  RULEC_ASSERT(ZSTD_isError(size) == 0);
  return size;
}

}  // namespace rulec
