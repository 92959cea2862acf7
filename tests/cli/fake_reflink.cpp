// SPDX-License-Identifier: Apache-2.0
// To be preloaded: FICLONERANGE on any file system, as those do it that share blocks, but by copying. The environment:
//   REFLINK_LOG=FILE   gets a byte for each call
//   REFLINK_KILL=N     the process is killed in the n-th call, when half of its blocks are there
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::uint64_t Block = 4096;
std::atomic<long> calls{0};

int clone(int to, const file_clone_range& range) {
  const long call = ++calls;
  if (const char* log = std::getenv("REFLINK_LOG"); log != nullptr) {
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0 || write(fd, "x", 1) != 1) std::abort();
    close(fd);
  }
  if (range.src_offset % Block != 0 || range.dest_offset % Block != 0 || range.src_length % Block != 0) {
    errno = EINVAL;
    return -1;
  }
  const char* kill_at = std::getenv("REFLINK_KILL");
  const bool dies = kill_at != nullptr && call == std::atol(kill_at);
  std::vector<char> block(Block);
  for (std::uint64_t at = 0; at < range.src_length; at += Block) {
    if (dies && at >= range.src_length / 2) raise(SIGKILL);
    const auto source = static_cast<int>(range.src_fd);
    if (pread(source, block.data(), Block, static_cast<off_t>(range.src_offset + at)) != Block) std::abort();
    if (pwrite(to, block.data(), Block, static_cast<off_t>(range.dest_offset + at)) != Block) std::abort();
  }
  return 0;
}

}  // namespace

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names of libc are its own
extern "C" int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (request == FICLONERANGE) return clone(fd, *static_cast<const file_clone_range*>(argument));
  return reinterpret_cast<int (*)(int, unsigned long, ...)>(dlsym(RTLD_NEXT, "ioctl"))(fd, request, argument);
}
