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

Decoded failed(std::string error, bool is_over_limit = false) {
  return {.bytes = {}, .error = std::move(error), .is_over_limit = is_over_limit};
}

Decoded library_error(std::size_t code) {
  if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
    return failed(fmt::format("the zstd window is larger than {} bytes", std::uint64_t{1} << MaxWindowLog), true);
  }
  return failed(fmt::format("the zstd frame is damaged: {}", ZSTD_getErrorName(code)));
}

}  // namespace

Decoded decode_zstd(std::span<const std::byte> frames, std::uint64_t limit) {
  const Context context = new_context();
  // One more than the limit shows that it was passed.
  const std::uint64_t room = limit == ~std::uint64_t{0} ? limit : limit + 1;
  std::vector<std::byte> bytes(std::min<std::uint64_t>(room, 4 * frames.size() + (1U << 16U)));
  ZSTD_inBuffer in{frames.data(), frames.size(), 0};
  ZSTD_outBuffer out{bytes.data(), bytes.size(), 0};
  bool is_between_frames = true;
  while (in.pos < in.size || !is_between_frames) {
    if (is_between_frames && !begins_frame(frames.subspan(in.pos)))
      return failed(fmt::format("no zstd frame begins at its byte {}", in.pos));
    const ZSTD_inBuffer before = in;
    const std::size_t produced = out.pos;
    const std::size_t code = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(code) != 0) return library_error(code);
    if (out.pos > limit) return failed(fmt::format("it unpacks to more than {} bytes", limit), true);
    is_between_frames = code == 0;
    if (is_between_frames) continue;
    if (out.pos == out.size) {
      bytes.resize(std::min<std::uint64_t>(room, 2 * out.size));
      out = {bytes.data(), bytes.size(), out.pos};
    } else if (in.pos == before.pos && out.pos == produced) {
      return failed("the zstd frame is cut off");
    }
  }
  if (frames.empty()) return failed("there is no zstd frame");
  bytes.resize(out.pos);
  return {.bytes = std::move(bytes)};
}

std::vector<std::byte> encode_zstd(std::span<const std::byte> bytes, int level) {
  std::vector<std::byte> frame(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  RULEC_ASSERT(ZSTD_isError(size) == 0);
  frame.resize(size);
  return frame;
}

}  // namespace rulec
