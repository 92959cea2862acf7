// SPDX-License-Identifier: Apache-2.0
// Stores that go past the caches. An ordinary store fetches its cache line first, so that a copy to memory costs three
// transfers; these cost two, if whole lines are written. What is read soon must not go this way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace rulec {

constexpr std::size_t CacheLine = 64;

#if defined(__SSE2__)
/// Like memcpy. Lines that are not whole are written as usual.
inline void stream(std::byte* target, const std::byte* source, std::size_t bytes) {
  const std::size_t head = std::min(bytes, -reinterpret_cast<std::uintptr_t>(target) % CacheLine);
  std::memcpy(target, source, head);
  std::size_t at = head;
  for (; at + CacheLine <= bytes; at += CacheLine) {
    for (std::size_t i = at; i < at + CacheLine; i += sizeof(__m128i)) {
      __m128i part;
      std::memcpy(&part, source + i, sizeof part);
      _mm_stream_si128(reinterpret_cast<__m128i*>(target + i), part);
    }
  }
  std::memcpy(target + at, source + at, bytes - at);
}

/// Streams are weakly ordered: other threads may be told of the bytes behind this only.
inline void end_streams() {
  _mm_sfence();
}
#else
inline void stream(std::byte* target, const std::byte* source, std::size_t bytes) {
  std::memcpy(target, source, bytes);
}
inline void end_streams() {}
#endif

}  // namespace rulec
