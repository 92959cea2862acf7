// SPDX-License-Identifier: Apache-2.0
// Copies a file or a folder as fast as the disk lets one: what conversions are measured against. One thread reads, two
// write, around the page cache, in large units that a few buffers go round with; targets get their space first and are
// on the disk at the end. Or as fast as the system lets one that copies range by range, which is what conversions of
// many small tensors are measured against.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t Block = 4096;  // what O_DIRECT aligns to
constexpr std::size_t UnitBytes = std::size_t{16} << 20;
constexpr int Units = 8;
constexpr int Writers = 2;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "ring_copy: %s: %s\n", what.c_str(), std::strerror(errno));
  std::_Exit(1);
}

constexpr std::size_t up(std::size_t bytes) {
  return (bytes + Block - 1) / Block * Block;
}

struct File {
  fs::path source;
  fs::path target;
  std::size_t bytes = 0;
  int out = -1;  // open from the first unit on until all are written
};

/// A part of a file and the buffer that it is in.
struct Unit {
  std::byte* buffer = nullptr;
  const File* file = nullptr;  // none: there is no more
  std::size_t at = 0;
  std::size_t bytes = 0;
};

/// Units on their way from one thread to another; how many buffers there are bounds it.
class Queue {
 public:
  void push(const Unit& unit) {
    {
      const std::lock_guard lock(mutex_);
      units_.push_back(unit);
    }
    there_is_one_.notify_one();
  }

  Unit pop() {
    std::unique_lock lock(mutex_);
    there_is_one_.wait(lock, [this] { return !units_.empty(); });
    const Unit unit = units_.front();
    units_.pop_front();
    return unit;
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_is_one_;
  std::deque<Unit> units_;
};

/// Around the page cache where the file system can.
int open_direct(const fs::path& path, int flags) {
  int file = ::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC, 0666);
  if (file < 0 && errno == EINVAL) file = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (file < 0) fail(path);
  return file;
}

int open_target(const File& file) {
  const int out = open_direct(file.target, O_WRONLY | O_CREAT | O_EXCL);
  const bool has_space = file.bytes == 0 || ::fallocate(out, 0, 0, static_cast<off_t>(up(file.bytes))) == 0;
  if (!has_space && errno != EOPNOTSUPP) fail(file.target);
  return out;
}

void read_all(std::vector<File>& files, Queue& empty, Queue& full) {
  for (File& file : files) {
    const int in = open_direct(file.source, O_RDONLY);
    file.out = open_target(file);
    for (std::size_t at = 0; at < file.bytes; at += UnitBytes) {
      Unit unit = empty.pop();
      unit.file = &file;
      unit.at = at;
      unit.bytes = std::min(UnitBytes, file.bytes - at);
      for (std::size_t done = 0; done < unit.bytes;) {
        const ssize_t n = ::pread(in, unit.buffer + done, up(unit.bytes - done), static_cast<off_t>(at + done));
        if (n <= 0) fail(file.source);
        done += static_cast<std::size_t>(n);
      }
      full.push(unit);
    }
    ::close(in);
  }
  for (int i = 0; i < Writers; ++i) full.push({});
}

/// The last block of a file is written whole; its length is set afterwards.
void write_all(Queue& full, Queue& empty) {
  for (Unit unit = full.pop(); unit.file != nullptr; unit = full.pop()) {
    const std::size_t bytes = up(unit.bytes);
    for (std::size_t done = 0; done < bytes;) {
      const ssize_t n = ::pwrite(unit.file->out, unit.buffer + done, bytes - done, static_cast<off_t>(unit.at + done));
      if (n < 0) fail(unit.file->target);
      done += static_cast<std::size_t>(n);
    }
    empty.push(unit);
  }
}

void sync_folder(const fs::path& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::fsync(folder) != 0) fail(path);
  ::close(folder);
}

void finish(const File& file) {
  if (::ftruncate(file.out, static_cast<off_t>(file.bytes)) != 0) fail(file.target);
  if (::fdatasync(file.out) != 0) fail(file.target);
  ::close(file.out);
}

/// Makes the target's folders, which are listed too, and finds the files.
std::vector<File> find_files(const fs::path& source, const fs::path& target, std::vector<fs::path>& folders) {
  if (!fs::is_directory(source)) return {{source, target, fs::file_size(source)}};
  std::vector<File> files;
  fs::create_directory(target);
  folders.push_back(target);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source)) {
    const fs::path to = target / entry.path().lexically_relative(source);
    if (entry.is_directory()) {
      fs::create_directory(to);
      folders.push_back(to);
    } else if (entry.is_regular_file()) {
      files.push_back({entry.path(), to, entry.file_size()});
    }
  }
  return files;
}

/// All buffers in one piece, on huge pages where the system has them.
std::byte* allocate() {
  void* memory = std::aligned_alloc(std::size_t{2} << 20, Units * UnitBytes);
  if (memory == nullptr) fail("memory");
  madvise(memory, Units * UnitBytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(memory);
}

void copy(const fs::path& source, const fs::path& target) {
  std::vector<fs::path> folders = {fs::absolute(target).parent_path()};
  std::vector<File> files = find_files(source, target, folders);
  Queue empty;
  Queue full;
  std::byte* const memory = allocate();
  for (int i = 0; i < Units; ++i) empty.push({.buffer = memory + static_cast<std::size_t>(i) * UnitBytes});
  std::vector<std::thread> writers;
  for (int i = 0; i < Writers; ++i) writers.emplace_back([&] { write_all(full, empty); });
  read_all(files, empty, full);
  for (std::thread& writer : writers) writer.join();
  for (const File& file : files) finish(file);
  for (const fs::path& folder : folders) sync_folder(folder);
  std::free(memory);
}

/// Calls the system twice for each range.
void copy_ranges(const fs::path& source, const fs::path& target, std::size_t bytes) {
  std::vector<fs::path> folders = {fs::absolute(target).parent_path()};
  std::vector<std::byte> buffer(bytes);
  for (File& file : find_files(source, target, folders)) {
    const int in = ::open(file.source.c_str(), O_RDONLY | O_CLOEXEC);
    file.out = ::open(file.target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (in < 0 || file.out < 0) fail(file.source);
    for (std::size_t at = 0; at < file.bytes; at += bytes) {
      const ssize_t n = ::pread(in, buffer.data(), bytes, static_cast<off_t>(at));
      if (n <= 0) fail(file.source);
      if (::pwrite(file.out, buffer.data(), static_cast<std::size_t>(n), static_cast<off_t>(at)) != n)
        fail(file.target);
    }
    ::close(in);
    finish(file);
  }
  for (const fs::path& folder : folders) sync_folder(folder);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t range = argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 0;
  if (argc != 3 && range == 0) {
    std::fputs("usage: ring_copy SRC DST [BYTES]      DST must not be there; BYTES: in ranges of so many\n", stderr);
    return 2;
  }
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  try {
    if (range > 0) {
      copy_ranges(argv[1], argv[2], range);
    } else {
      copy(argv[1], argv[2]);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ring_copy: %s\n", error.what());
    return 1;
  }
}
