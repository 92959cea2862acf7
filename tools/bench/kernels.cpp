// SPDX-License-Identifier: Apache-2.0
// The kernels below `rulec convert` on one thread, as ratios to memcpy of the same bytes in the same loop: the
// machine's own mood is in both. Copies go from memory to memory, by buffers that rotate beyond the last cache; numbers
// are computed where the runner does it, in a slab that lies in the second cache.
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/scalar/op.h"
#include "engine/tensor/element_bytes.h"
#include "engine/tensor/strided.h"

namespace {

using namespace rulec;

constexpr std::size_t MemoryBytes = std::size_t{256} << 20;  // several times the last cache
constexpr std::size_t SlabElements = 1 << 17;                // as in engine/run/move.cpp
constexpr int SlabRepeats = 64;

/// Bytes on huge pages where the system has them, touched.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : bytes_(std::aligned_alloc(HugePage, up(bytes)), std::free), size_(bytes) {
    madvise(bytes_.get(), up(bytes), MADV_HUGEPAGE);
    std::memset(bytes_.get(), 0x3C, up(bytes));
  }

  std::size_t size() const { return size_; }
  std::byte* data() const { return static_cast<std::byte*>(bytes_.get()); }

 private:
  static constexpr std::size_t HugePage = std::size_t{2} << 20;
  static std::size_t up(std::size_t bytes) { return (bytes + HugePage - 1) / HugePage * HugePage; }

  std::unique_ptr<void, decltype(&std::free)> bytes_;
  std::size_t size_;
};

struct Job {
  std::string name;
  std::size_t bytes;  // that memcpy moves to compare with, and what rates are of
  int repeats;        // in a row
  bool in_memory;     // buffers rotate
  std::function<void(std::span<const std::byte> source, std::span<std::byte> target)> run;
};

struct Times {
  std::vector<double> kernel, memcpy;  // seconds a run
};

/// Of this thread on a core: a machine that others use too takes the core away some of the time.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds(int repeats, const std::function<void()>& run) {
  const double start = now();
  for (int i = 0; i < repeats; ++i) run();
  return (now() - start) / repeats;
}

Times measure(const Job& job, int rounds, const Buffer& source, const Buffer& target) {
  // Conversions to wider types write twice the bytes, those to narrower ones read so many.
  const std::size_t room = 2 * job.bytes + 64;
  std::size_t at = 0;
  const auto next = [&] {
    if (job.in_memory) at = at + 2 * room > source.size() ? 0 : at + room;
  };
  Times times;
  for (int round = -1; round < rounds; ++round) {  // the first one warms up
    const double copied = seconds(job.repeats, [&] { std::memcpy(target.data() + at, source.data() + at, job.bytes); });
    next();
    const double ran = seconds(job.repeats, [&] {
      job.run({source.data() + at, source.size() - at}, {target.data() + at, target.size() - at});
    });
    next();
    if (round < 0) continue;
    times.memcpy.push_back(copied);
    times.kernel.push_back(ran);
  }
  return times;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

void print(const Job& job, const Times& times) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < times.kernel.size(); ++i) ratios.push_back(times.memcpy[i] / times.kernel[i]);
  const auto [low, high] = std::ranges::minmax(ratios);
  const auto rate = [&](const std::vector<double>& of) { return static_cast<double>(job.bytes) / median(of) / 1e9; };
  fmt::print("{:<44} {:5.2f}  ({:.2f} - {:.2f})   {:5.1f} : {:.1f} GB/s\n", job.name, median(ratios), low, high,
             rate(times.kernel), rate(times.memcpy));
  std::fflush(stdout);
}

std::int64_t cells(const std::vector<StridedAxis>& axes) {
  return StridedCopy{axes, 0, 0}.cells();
}

Job copy(std::string name, int element_bytes, std::vector<StridedAxis> axes, std::int64_t offset = 0) {
  const auto bytes = static_cast<std::size_t>(cells(axes) * element_bytes);
  return {std::move(name), bytes, 1, true,
          [copy = StridedCopy{std::move(axes), offset, 0}, element_bytes](auto source, auto target) {
            copy_strided(copy, element_bytes, source, target);
          }};
}

/// Of a matrix `[rows columns]`.
Job transpose(int element_bytes, std::int64_t rows, std::int64_t columns, std::int64_t offset = 0) {
  return copy(fmt::format("transpose {}x{}, {} byte{}{}", rows, columns, element_bytes, element_bytes == 1 ? "" : "s",
                          offset == 0 ? "" : ", unaligned"),
              element_bytes, {{columns, 1, rows}, {rows, columns, 1}}, offset);
}

Job numbers(std::string name, const Pipeline& pipeline, const Types& types) {
  // Rates are of the narrower side.
  const std::size_t bytes = std::min(bytes_of(types.arrives, SlabElements), bytes_of(types.stored, SlabElements));
  return {std::move(name), bytes, SlabRepeats, false, [=](auto source, auto target) {
            apply(pipeline, types, source.first(bytes_of(types.arrives, SlabElements)), {},
                  target.first(bytes_of(types.stored, SlabElements)));
          }};
}

std::vector<Job> jobs() {
  using enum DType;
  std::vector<Job> all;
  for (const auto& [rows, columns] :
       {std::pair{2304, 9216}, {9216, 2304}, {4096, 4096}, {8192, 28672}, {2305, 9217}, {9217, 2303}}) {
    all.push_back(transpose(2, rows, columns));
  }
  all.push_back(transpose(2, 2304, 9216, 1));
  for (const int bytes : {1, 4, 8}) {
    all.push_back(transpose(bytes, 9216, 2304));
    all.push_back(transpose(bytes, 4096, 4096));
    all.push_back(transpose(bytes, 2305, 4099));
  }
  // [H 2 I D] -> [D H I 2], halves interleaved, and back; [E D F] -> [E F D]; [H D K] -> [D H K]; [D F] -> [D F/2]
  // of 2.
  all.push_back(copy("interleave halves, 2 bytes", 2,
                     {{2304, 1, 8192}, {32, 256 * 2304, 256}, {128, 2304, 2}, {2, 128 * 2304, 1}}));
  all.push_back(copy("take halves apart, 2 bytes", 2,
                     {{32, 256, 256 * 2304}, {2, 1, 128 * 2304}, {128, 2, 2304}, {2304, 8192, 1}}));
  all.push_back(
      copy("transpose 8 of 1408x2048, 2 bytes", 2, {{8, 1408 * 2048, 1408 * 2048}, {2048, 1, 1408}, {1408, 2048, 1}}));
  all.push_back(copy("rows of 512 bytes, 2 bytes", 2, {{2304, 256, 8192}, {32, 2304 * 256, 256}, {256, 1, 1}}));
  all.push_back(copy("every other number, 2 bytes", 2, {{2304 * 9216 / 2, 2, 1}}));
  all.push_back(copy("to every other place, 2 bytes", 2, {{2304 * 9216 / 2, 1, 2}}));
  all.push_back(copy("transpose 9216x2304 of 2, by bytes", 1, {{2304, 2, 2 * 9216}, {9216, 2 * 2304, 2}, {2, 1, 1}}));
  all.push_back(copy("one number everywhere, 2 bytes", 2, {{2304 * 9216, 0, 1}}));

  const Call times{&ops::Mul, {Constant{48, {}}}, {}};
  const Call plus{&ops::Add, {Constant{1, {}}}, {}};
  all.push_back(numbers("bf16 -> f32", {}, {Bf16, F32, F32}));
  all.push_back(numbers("f32 -> bf16", {}, {F32, F32, Bf16}));
  all.push_back(numbers("f16 -> f32", {}, {F16, F32, F32}));
  all.push_back(numbers("f32 -> f16", {}, {F32, F32, F16}));
  all.push_back(numbers("bf16 mul(48)", {times}, {Bf16, Bf16, Bf16}));
  all.push_back(numbers("bf16 add(1)", {plus}, {Bf16, Bf16, Bf16}));
  all.push_back(numbers("bf16 mul(48) | add(1)", {times, plus}, {Bf16, Bf16, Bf16}));
  all.push_back(numbers("f16 mul(48)", {times}, {F16, F16, F16}));
  all.push_back(numbers("f32 mul(48)", {times}, {F32, F32, F32}));
  return all;
}

}  // namespace

/// kernels [PART OF A NAME] [ROUNDS]
int main(int argc, char** argv) {
  const std::string_view part = argc > 1 ? argv[1] : "";
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 11;
  std::size_t most = MemoryBytes;
  const std::vector<Job> all = jobs();
  for (const Job& job : all) {
    if (job.name.find(part) != std::string::npos) most = std::max(most, 2 * job.bytes + 64);
  }
  const Buffer source(most);
  const Buffer target(most);
  fmt::print("{:<44} {:>5}  {:<13}   kernel : memcpy\n", "rate : memcpy's", "median", "  range");
  for (const Job& job : all) {
    if (job.name.find(part) != std::string::npos) print(job, measure(job, rounds, source, target));
  }
}
