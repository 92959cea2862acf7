// SPDX-License-Identifier: Apache-2.0
#include "engine/run/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

#include "engine/plan/budget.h"

namespace rulec {
namespace {

constexpr std::uint64_t HugePage = std::uint64_t{2} << 20U;

/// Fresh memory, from the beginning of a huge page on if it is one or more; null if there is none.
std::byte* map(std::uint64_t size) {
  const std::uint64_t more = size < HugePage ? 0 : HugePage - DirectBlock;
  void* const memory = ::mmap(nullptr, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(memory);
  if (more == 0) return first;
  const std::uint64_t before = (HugePage - reinterpret_cast<std::uintptr_t>(first) % HugePage) % HugePage;
  if (before > 0) ::munmap(first, before);
  if (before < more) ::munmap(first + before + size, more - before);
#ifdef MADV_HUGEPAGE
  ::madvise(first + before, size, MADV_HUGEPAGE);
#endif
  return first + before;
}

}  // namespace

Arena::~Arena() {
  drop_spares(mapped_);
}

std::optional<Buffer> Arena::take(std::uint64_t bytes, std::size_t phase) {
  const std::uint64_t size = buffer_room(bytes);
  if (size > capacity_ - std::min(capacity_, lent_)) return std::nullopt;
  std::byte* base = spare(size);
  if (base == nullptr) {
    if (mapped_ + size > capacity_) drop_spares(mapped_ + size - capacity_);
    base = map(size);
    if (base == nullptr) {  // less than was allowed
      drop_spares(mapped_);
      return std::nullopt;
    }
    mapped_ += size;
    most_mapped_ = std::max(most_mapped_, mapped_);
  }
  lent_ += size;
  return Buffer{{base + phase, bytes}, {phase, size - phase - bytes}, base, size};
}

void Arena::give(const Buffer& buffer) {
  lent_ -= buffer.size;
  spares_.emplace(buffer.size, buffer.base);
}

std::byte* Arena::spare(std::uint64_t size) {
  const auto found = spares_.find(size);
  if (found == spares_.end()) return nullptr;
  std::byte* const base = found->second;
  spares_.erase(found);
  return base;
}

void Arena::drop_spares(std::uint64_t wanted) {
  for (std::uint64_t dropped = 0; dropped < wanted && !spares_.empty();) {
    const auto largest = std::prev(spares_.end());
    ::munmap(largest->second, largest->first);
    dropped += largest->first;
    mapped_ -= largest->first;
    spares_.erase(largest);
  }
}

}  // namespace rulec
