// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/comparing_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "engine/compare/chunk_runs.h"
#include "engine/plan/budget.h"
#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "grammar/internal_error.h"

namespace rulec {
namespace {

/// Of what is raw, so much is read at once.
constexpr std::uint64_t PartBytes = std::uint64_t{4} << 20U;

/// What a chunk that is not raw takes: itself, and as it is stored, which is hardly ever more.
std::uint64_t decoding_bytes(DType dtype, const Shape& chunk) {
  return 2 * bytes_of(dtype, *cells(chunk)) + (std::uint64_t{64} << 10U);
}

}  // namespace

/// A tensor that is made, and the one of B that it should be.
struct ComparingSink::Target {
  TensorInfo made;
  std::optional<std::size_t> in_b;
  const TensorInfo* stored = nullptr;  // only if its bytes can be compared
  Shape chunk;                         // extents
  bool is_raw = true;
  std::shared_ptr<const Allowance> allowance;
  TensorVerdict verdict;  // but for what its bytes tell

  std::mutex mutex;  // for all below
  std::optional<CellDifferences> differences;
  std::unique_ptr<Tally> tally;  // until every cell was there
  std::optional<TensorStatistics> statistics;

  CellDifferences::Allows allows() const {
    if (allowance == nullptr) return {};
    return [allowed = allowance](std::uint64_t a, std::uint64_t b) { return allowed->allows(a, b); };
  }
  bool is_counted() const { return is_readable(stored->dtype) && bits(stored->dtype) >= 8; }
  void take(const CellDifferences& found, const Tally* counted);
};

void ComparingSink::Target::take(const CellDifferences& found, const Tally* counted) {
  const std::lock_guard lock(mutex);
  differences->merge(found);
  if (counted == nullptr) return;
  if (tally == nullptr) tally = std::make_unique<Tally>();
  tally->add(*counted);
  if (tally->cells < static_cast<std::uint64_t>(*cells(stored->shape))) return;
  statistics = tally->statistics();
  tally.reset();
}

/// Memory of the sink's, and a counter, for as long as a part takes.
class ComparingSink::Loan {
 public:
  Loan(ComparingSink& sink, std::uint64_t bytes, std::size_t phase) : sink_(sink) {
    std::unique_lock lock(sink.memory_mutex_);
    while (true) {
      if (const std::optional<Buffer> taken = sink.arena_.take(bytes, phase)) {
        buffer_ = *taken;
        break;
      }
      if (sink.loans_ == 0) throw std::bad_alloc();  // the machine has less than was allowed
      sink.memory_is_back_.wait(lock);
    }
    ++sink.loans_;
    if (!sink.counters_.empty()) {
      counter_ = std::move(sink.counters_.back());
      sink.counters_.pop_back();
    }
  }
  ~Loan() {
    const std::lock_guard lock(sink_.memory_mutex_);
    sink_.arena_.give(buffer_);
    --sink_.loans_;
    if (counter_ != nullptr) sink_.counters_.push_back(std::move(counter_));
    sink_.memory_is_back_.notify_all();
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  const Buffer& buffer() const { return buffer_; }
  Counter& counter() {
    if (counter_ == nullptr) counter_ = std::make_unique<Counter>();
    return *counter_;
  }

 private:
  ComparingSink& sink_;
  Buffer buffer_;
  std::unique_ptr<Counter> counter_;
};

ComparingSink::ComparingSink(const TensorStore& b, const ChunkedStore* b_chunks, Allowances& allowances,
                             std::uint64_t memory_bytes)
    : b_(b), b_chunks_(b_chunks), allowances_(allowances), arena_(std::max(memory_bytes, needed_bytes(b, b_chunks))) {}

ComparingSink::~ComparingSink() = default;

std::uint64_t ComparingSink::needed_bytes(const TensorStore& b, const ChunkedStore* b_chunks) {
  std::uint64_t needed = buffer_room(PartBytes);
  if (b_chunks == nullptr) return needed;
  for (std::size_t i = 0; i < b.tensors().size(); ++i) {
    if (!b_chunks->is_raw(i))
      needed = std::max(needed, buffer_room(decoding_bytes(b.tensors()[i].dtype, b_chunks->chunk_shape(i))));
  }
  return needed;
}

Status ComparingSink::lay_out(std::span<const TensorInfo> tensors, Diagnostics& /*diags*/) {
  if (!targets_.empty()) return Done{};
  for (const TensorInfo& made : tensors) {
    Target& target = *targets_.emplace_back(std::make_unique<Target>());
    target.made = made;
    target.chunk = made.shape;
    target.in_b = find_tensor(b_.tensors(), made.name);
    TensorVerdict& verdict = target.verdict;
    verdict.name = made.name;
    verdict.dtype = made.dtype;
    verdict.shape = made.shape;
    if (!target.in_b) {
      verdict.difference = Difference::OnlyA;
      continue;
    }
    const TensorInfo& stored = b_.tensors()[*target.in_b];
    verdict.dtype = stored.dtype;
    verdict.shape = stored.shape;
    target.allowance = allowances_.find(stored);
    if (target.allowance != nullptr) {
      verdict.fidelity = target.allowance->trip.describe();
      verdict.rule = target.allowance->rule;
    }
    if (made.shape != stored.shape) {
      verdict.difference = Difference::Shape;
      verdict.detail = fmt::format("{} against {}", to_string(made.shape), to_string(stored.shape));
    } else if (made.dtype != stored.dtype) {
      verdict.difference = Difference::DType;
      verdict.detail = fmt::format("{} against {}", name(made.dtype), name(stored.dtype));
    } else {
      target.stored = &stored;
      target.differences.emplace(stored.dtype, stored.shape);
      if (target.is_counted() && *cells(stored.shape) == 0) target.statistics = TensorStatistics{};
      if (b_chunks_ == nullptr) continue;
      target.chunk = b_chunks_->chunk_shape(*target.in_b);
      target.is_raw = b_chunks_->is_raw(*target.in_b);
    }
  }
  return Done{};
}

Status ComparingSink::begin(std::span<const TensorInfo> tensors, Diagnostics& diags) {
  return lay_out(tensors, diags);
}

Status ComparingSink::commit(Diagnostics& /*diags*/) {
  return Done{};
}

Shape ComparingSink::chunk_shape(std::size_t tensor) const {
  return targets_[tensor]->chunk;
}

bool ComparingSink::is_raw(std::size_t tensor) const {
  return targets_[tensor]->is_raw;
}

// Nothing is written, and nobody need write it in an order.
std::optional<StoredAt> ComparingSink::place(std::size_t /*tensor*/, const Shape& /*chunk*/) const {
  return std::nullopt;
}

Status ComparingSink::write(std::size_t index, std::uint64_t offset, std::span<const std::byte> bytes,
                            Diagnostics& diags) {
  return compare(*targets_[index], nullptr, offset, bytes, diags);
}

Status ComparingSink::write_chunk(std::size_t tensor, const Shape& chunk, std::uint64_t offset,
                                  std::span<const std::byte> bytes, std::span<std::byte> /*room*/, Diagnostics& diags) {
  return compare(*targets_[tensor], b_chunks_ == nullptr ? nullptr : &chunk, offset, bytes, diags);
}

// Nothing has a place, so that there are no ranges.
Status ComparingSink::write_range(StoredAt /*from*/, std::span<const ChunkInRange> /*chunks*/,
                                  std::span<std::byte> /*bytes*/, Diagnostics& diags) {
  RULEC_ASSERT(false);
  return diags.failed();
}

Status ComparingSink::compare(Target& target, const Shape* chunk, std::uint64_t offset, std::span<const std::byte> made,
                              Diagnostics& diags) {
  if (target.stored == nullptr) return Done{};
  const bool is_raw = chunk == nullptr || target.is_raw;
  for (std::uint64_t at = 0; at < made.size();) {
    const std::uint64_t bytes = is_raw ? std::min<std::uint64_t>(PartBytes, made.size() - at) : made.size() - at;
    if (!compare_part(target, chunk, offset + at, made.subspan(at, bytes), diags)) return diags.failed();
    at += bytes;
  }
  return Done{};
}

Status ComparingSink::compare_part(Target& target, const Shape* chunk, std::uint64_t offset,
                                   std::span<const std::byte> made, Diagnostics& diags) {
  const DType dtype = target.stored->dtype;
  const bool is_raw = chunk == nullptr || target.is_raw;
  const std::optional<StoredAt> place =
      chunk != nullptr && is_raw ? b_chunks_->place(*target.in_b, *chunk) : std::nullopt;
  const std::size_t phase = place ? (place->offset + offset) % DirectBlock : 0;
  // Parts of one size, so that one buffer does for all.
  Loan loan(*this, is_raw ? PartBytes : decoding_bytes(dtype, target.chunk), phase);
  const std::span<std::byte> stored = loan.buffer().bytes.first(made.size());
  Room room = loan.buffer().room;
  if (is_raw) {
    room.behind += loan.buffer().bytes.size() - made.size();
  } else {
    room.elsewhere = loan.buffer().bytes.subspan(made.size());
  }
  const Status read = chunk == nullptr ? b_.read(*target.in_b, offset, stored, diags)
                                       : b_chunks_->read_chunk(*target.in_b, *chunk, offset, stored, room, diags);
  if (!read) return diags.failed();

  CellDifferences found(dtype, target.stored->shape, target.allows());
  Counter* const counter = target.is_counted() ? &loan.counter() : nullptr;
  if (counter != nullptr) counter->start(dtype, made.size() / element_bytes(dtype));
  const auto look = [&](std::uint64_t in_tensor, std::uint64_t in_part, std::uint64_t bytes) {
    found.compare(in_tensor, made.subspan(in_part, bytes), stored.subspan(in_part, bytes));
    if (counter != nullptr) counter->add(stored.subspan(in_part, bytes));
  };
  if (chunk == nullptr || target.chunk == target.stored->shape) {
    look(offset, 0, made.size());
  } else {
    const auto width = static_cast<std::int64_t>(element_bytes(dtype));
    const auto begin = static_cast<std::int64_t>(offset) / width;
    each_run_in_tensor(
        target.stored->shape, target.chunk, *chunk, begin, begin + static_cast<std::int64_t>(made.size()) / width,
        [&](std::int64_t in_tensor, std::int64_t in_chunk, std::int64_t count) {
          look(static_cast<std::uint64_t>(in_tensor * width), static_cast<std::uint64_t>((in_chunk - begin) * width),
               static_cast<std::uint64_t>(count * width));
        });
  }
  target.take(found, counter != nullptr ? &counter->finish() : nullptr);
  return Done{};
}

std::vector<TensorVerdict> ComparingSink::verdicts() const {
  std::vector<TensorVerdict> all;
  for (const std::unique_ptr<Target>& target : targets_) {
    TensorVerdict& verdict = all.emplace_back(target->verdict);
    verdict.statistics = target->statistics;
    const auto& found = target->differences;
    if (!found || found->cells() == 0) continue;
    verdict.difference = found->are_allowed() ? Difference::WithinClass : Difference::Values;
    verdict.cells = found->cells();
    verdict.worst_ulp = found->worst_ulp();
    verdict.first = found->first();
    verdict.worst = found->worst();
  }
  std::ranges::sort(all, {}, &TensorVerdict::name);
  return all;
}

}  // namespace rulec
