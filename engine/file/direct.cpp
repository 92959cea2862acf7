// SPDX-License-Identifier: Apache-2.0
#include "engine/file/direct.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rulec {

int open_direct(const std::string& path, int fd, int flags) {
#ifdef O_DIRECT
  const int direct = ::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC);
  if (direct < 0) return -1;
  struct stat one = {};
  struct stat other = {};
  // The name may lead to another file by now.
  if (::fstat(fd, &one) == 0 && ::fstat(direct, &other) == 0 && one.st_dev == other.st_dev &&
      one.st_ino == other.st_ino)
    return direct;
  ::close(direct);
#endif
  return -1;
}

bool is_cached(int fd, std::uint64_t offset, std::uint64_t bytes) {
#ifdef __linux__
  // cachestat(2), since Linux 6.5; glibc has no name for it yet.
  constexpr long CacheStat = 451;
  struct Range {
    std::uint64_t offset;
    std::uint64_t bytes;
  } range{offset, bytes};
  struct Statistics {
    std::uint64_t cached;
    std::uint64_t dirty;
    std::uint64_t writeback;
    std::uint64_t evicted;
    std::uint64_t recently_evicted;
  } pages{};
  if (::syscall(CacheStat, fd, &range, &pages, 0U) != 0) return false;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return pages.cached * page >= bytes / 8 * 7;
#else
  return true;
#endif
}

}  // namespace rulec
