// SPDX-License-Identifier: Apache-2.0
// mimalloc where there is no memory: as Debian builds it (in C), its own `operator new` ends the program instead of
// throwing. These four are the ones that may throw (nobody sets a new-handler here); all others are mimalloc's.
#include <mimalloc.h>

#include <cstddef>
#include <new>

namespace {

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return or_throw(mi_malloc(size));
}
void* operator new[](std::size_t size) {
  return or_throw(mi_malloc(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(mi_malloc_aligned(size, static_cast<std::size_t>(alignment)));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return or_throw(mi_malloc_aligned(size, static_cast<std::size_t>(alignment)));
}
