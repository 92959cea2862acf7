// SPDX-License-Identifier: Apache-2.0
// To be preloaded: the n-th call of a kind that has to do with a folder fails with EIO. The environment says which:
//   FAIL_UNDER=FOLDER   the folder
//   FAIL_CALL=pwrite:3  the third one; `pwrite:3+`: that one and all after it
//   FAIL_MARK=FILE      made when one has failed
//   FAIL_PAUSE=MICROS   how long each pwrite takes beside, so that there is time for a run to note what it has done
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Order {
  std::string folder = variable("FAIL_UNDER");
  std::string kind;
  long number = 0;
  bool goes_on = false;
  std::string mark = variable("FAIL_MARK");
  long pause = std::atol(variable("FAIL_PAUSE").c_str());

  Order() {
    const std::string call = variable("FAIL_CALL");
    const std::size_t colon = call.find(':');
    if (colon == std::string::npos) return;
    kind = call.substr(0, colon);
    number = std::atol(call.c_str() + colon + 1);
    goes_on = call.ends_with('+');
  }
};

const Order& order() {
  static const Order order;
  return order;
}

std::atomic<long> calls{0};

/// Counts a call on a path; whether it fails.
bool fails(std::string_view kind, std::string_view path) {
  if (kind != order().kind || !path.starts_with(order().folder)) return false;
  const long call = ++calls;
  if (call < order().number || (call > order().number && !order().goes_on)) return false;
  syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, order().mark.c_str(), O_CREAT | O_WRONLY, 0666));
  errno = EIO;
  return true;
}

std::string absolute(const char* path) {
  if (path[0] == '/') return path;
  char here[PATH_MAX];
  return getcwd(here, sizeof here) == nullptr ? path : std::string(here) + "/" + path;
}

bool fails(std::string_view kind, int fd) {
  if (kind != order().kind) return false;
  char path[PATH_MAX];
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return size > 0 && fails(kind, std::string_view(path, static_cast<std::size_t>(size)));
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void linger() {
  if (order().pause > 0) usleep(static_cast<useconds_t>(order().pause));
}

}  // namespace

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the names of libc are its own
extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (fails("open", absolute(path))) return -1;
  return next<int (*)(const char*, int, ...)>("open")(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) {
  return fails("mkdir", absolute(path)) ? -1 : next<int (*)(const char*, mode_t)>("mkdir")(path, mode);
}

int rename(const char* from, const char* to) {
  return fails("rename", absolute(from)) ? -1 : next<int (*)(const char*, const char*)>("rename")(from, to);
}

int fsync(int fd) {
  return fails("fsync", fd) ? -1 : next<int (*)(int)>("fsync")(fd);
}

int fdatasync(int fd) {
  return fails("fdatasync", fd) ? -1 : next<int (*)(int)>("fdatasync")(fd);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  return fails("fallocate", fd) ? -1 : next<int (*)(int, int, off_t, off_t)>("fallocate")(fd, mode, offset, bytes);
}

int ftruncate(int fd, off_t bytes) {
  return fails("ftruncate", fd) ? -1 : next<int (*)(int, off_t)>("ftruncate")(fd, bytes);
}

ssize_t write(int fd, const void* from, size_t bytes) {
  return fails("write", fd) ? -1 : next<ssize_t (*)(int, const void*, size_t)>("write")(fd, from, bytes);
}

ssize_t pread(int fd, void* into, size_t bytes, off_t offset) {
  return fails("pread", fd) ? -1 : next<ssize_t (*)(int, void*, size_t, off_t)>("pread")(fd, into, bytes, offset);
}

ssize_t pwrite(int fd, const void* from, size_t bytes, off_t offset) {
  linger();
  return fails("pwrite", fd) ? -1
                             : next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(fd, from, bytes, offset);
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
