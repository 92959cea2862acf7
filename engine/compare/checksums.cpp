// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/checksums.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <span>
#include <system_error>
#include <thread>

#include "engine/run/limits.h"

namespace rulec {
namespace {

constexpr std::uint64_t WindowBytes = std::uint64_t{8} << 20U;

class Hash {
 public:
  Hash() : state_(XXH3_createState()) {
    if (state_ == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(state_.get());
  }

  void add(std::span<const std::byte> bytes) { XXH3_128bits_update(state_.get(), bytes.data(), bytes.size()); }

  std::string digits() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

/// A hash takes bytes in order, so a thread has a tensor, and others have others: the largest ones first.
class Summing {
 public:
  Summing(const TensorStore& store, const ChecksumOptions& options)
      : store_(store), options_(options), order_(store.tensors().size()), sums_(order_.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::ranges::stable_sort(
        order_, [&](std::size_t a, std::size_t b) { return store.tensors()[a].bytes() > store.tensors()[b].bytes(); });
    for (const TensorInfo& info : store.tensors()) bytes_total_ += info.bytes();
  }

  Result<std::vector<TensorChecksum>> run(Diagnostics& diags) {
    const int count = options_.threads > 0 ? options_.threads : usable_cores();
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
      try {
        threads.emplace_back([this] { work(); });
        const std::lock_guard lock(mutex_);
        ++running_;
      } catch (const std::system_error&) {  // the machine has no more
        if (threads.empty()) throw std::bad_alloc();
        break;
      }
    }
    watch();
    for (std::thread& thread : threads) thread.join();
    if (thrown_) std::rethrow_exception(thrown_);
    for (const Diagnostic& diagnostic : said_.all()) diags.add(diagnostic);
    if (said_.errors() > 0) return diags.failed();
    return std::move(sums_);
  }

 private:
  // In the calling thread.
  void watch() {
    std::unique_lock lock(mutex_);
    std::uint64_t told = 0;
    while (true) {
      changed_.wait(lock, [&] { return running_ == ended_ || (options_.on_progress && bytes_done_ != told); });
      if (running_ == ended_) return;
      told = bytes_done_;
      const Progress progress{told, bytes_total_, store_.tensors()[last_].name};
      lock.unlock();
      try {
        options_.on_progress(progress);
        lock.lock();
      } catch (...) {
        lock.lock();
        thrown_ = std::current_exception();
        stop_ = true;
        return;
      }
    }
  }

  void work() {
    Diagnostics diags;
    try {
      std::vector<std::byte> window;
      for (std::size_t i = next_++; i < order_.size() && !stop_; i = next_++) {
        if (sum_up(order_[i], window, diags)) continue;
        stop_ = true;
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
      stop_ = true;
    }
    const std::lock_guard lock(mutex_);
    for (const Diagnostic& diagnostic : diags.all()) said_.add(diagnostic);
    ++ended_;
    changed_.notify_all();
  }

  Status sum_up(std::size_t tensor, std::vector<std::byte>& window, Diagnostics& diags) {
    const TensorInfo& info = store_.tensors()[tensor];
    const std::uint64_t size = info.bytes();
    Hash hash;
    for (std::uint64_t offset = 0; offset < size && !stop_; offset += window.size()) {
      window.resize(std::min(WindowBytes, size - offset));
      if (!store_.read(tensor, offset, window, diags)) return diags.failed();
      hash.add(window);
      const std::lock_guard lock(mutex_);
      bytes_done_ += window.size();
      last_ = tensor;
      changed_.notify_all();
    }
    sums_[tensor] = {info, hash.digits()};
    return Done{};
  }

  const TensorStore& store_;
  const ChecksumOptions& options_;
  std::vector<std::size_t> order_;
  std::vector<TensorChecksum> sums_;  // each written by one thread
  std::uint64_t bytes_total_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};

  std::mutex mutex_;  // for all below
  std::condition_variable changed_;
  std::uint64_t bytes_done_ = 0;
  std::size_t last_ = 0;
  std::size_t running_ = 0;  // threads that were started
  std::size_t ended_ = 0;
  std::exception_ptr thrown_;
  Diagnostics said_;
};

}  // namespace

Result<std::vector<TensorChecksum>> sum_up(const TensorStore& store, const ChecksumOptions& options,
                                           Diagnostics& diags) {
  return Summing(store, options).run(diags);
}

}  // namespace rulec
