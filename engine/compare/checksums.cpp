// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/checksums.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

#include "engine/codec/xxh3.h"
#include "engine/run/limits.h"
#include "engine/run/team.h"

namespace rulec {
namespace {

constexpr std::uint64_t WindowBytes = std::uint64_t{8} << 20U;

/// A hash takes bytes in order, so a thread has a tensor, and others have others: the largest ones first.
class Summing {
 public:
  Summing(const TensorStore& store, const ChecksumOptions& options)
      : store_(store), options_(options), order_(store.tensors().size()), sums_(order_.size()), team_(on_progress()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::ranges::stable_sort(
        order_, [&](std::size_t a, std::size_t b) { return store.tensors()[a].bytes() > store.tensors()[b].bytes(); });
    for (const TensorInfo& info : store.tensors()) bytes_total_ += info.bytes();
  }

  Result<std::vector<TensorChecksum>> run(Diagnostics& diags) {
    const int count = options_.threads > 0 ? options_.threads : usable_cores();
    if (!team_.run(count, [this](std::size_t) { work(); }, [] {}, diags)) return diags.failed();
    return std::move(sums_);
  }

 private:
  std::function<void(const Team::Mark&)> on_progress() const {
    if (!options_.on_progress) return {};
    return [this](const Team::Mark& mark) {
      options_.on_progress({mark.bytes, bytes_total_, store_.tensors()[mark.tensor].name});
    };
  }

  void work() {
    std::vector<std::byte> window;
    for (std::size_t i = next_++; i < order_.size() && !team_.is_stopped(); i = next_++) {
      Diagnostics diags;
      sum_up(order_[i], window, diags);
      team_.report(diags);
    }
  }

  void sum_up(std::size_t tensor, std::vector<std::byte>& window, Diagnostics& diags) {
    const TensorInfo& info = store_.tensors()[tensor];
    const std::uint64_t size = info.bytes();
    Xxh3 hash;
    for (std::uint64_t offset = 0; offset < size && !team_.is_stopped(); offset += window.size()) {
      window.resize(std::min(WindowBytes, size - offset));
      if (!store_.read(tensor, offset, window, diags)) return;
      hash.add(window);
      team_.progress({bytes_done_ += window.size(), tensor});
    }
    sums_[tensor] = {info, hash.digits()};
  }

  const TensorStore& store_;
  const ChecksumOptions& options_;
  std::vector<std::size_t> order_;
  std::vector<TensorChecksum> sums_;  // each written by one thread
  std::uint64_t bytes_total_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bytes_done_{0};
  Team team_;
};

}  // namespace

Result<std::vector<TensorChecksum>> sum_up(const TensorStore& store, const ChecksumOptions& options,
                                           Diagnostics& diags) {
  return Summing(store, options).run(diags);
}

}  // namespace rulec
