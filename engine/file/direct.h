// SPDX-License-Identifier: Apache-2.0
// Transfers around the page cache (O_DIRECT): a checkpoint is read once and written once, and pages that nobody will
// look at again cost more than the disk does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace rulec {

/// Addresses and offsets of such transfers are multiples of it, as for all but a few disks.
constexpr std::size_t DirectBlock = 4096;
/// What is less goes through the page cache, where neighbours meet.
constexpr std::size_t MinDirectBytes = std::size_t{256} << 10U;

/// The first block boundary that is not before `offset`.
constexpr std::uint64_t next_block(std::uint64_t offset) {
  return (offset + DirectBlock - 1) / DirectBlock * DirectBlock;
}

/// Bytes beside a span that are its owner's too, and may be overwritten: whoever reads by blocks needs some.
struct Room {
  std::size_t before = 0;
  std::size_t behind = 0;
  std::span<std::byte> elsewhere{};  ///< not beside it, but theirs too: for what is stored in another form
};

/// How far behind a block boundary an address is.
inline std::size_t phase_of(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % DirectBlock;
}

/// Whether bytes at this address can go to or come from this offset of a file block by block.
inline bool is_congruent(const void* address, std::uint64_t offset) {
  return phase_of(address) == offset % DirectBlock;
}

/// Opens the file of `fd` once more, for direct transfers; -1 if its file system has none. `flags` as for open(2).
int open_direct(const std::string& path, int fd, int flags);

/// Whether the page cache has about all of a range already, from where it is faster than the disk.
bool is_cached(int fd, std::uint64_t offset, std::uint64_t bytes);

}  // namespace rulec
