// SPDX-License-Identifier: Apache-2.0
// The drafts are walked once in their order, to see what is read when and what must stay in memory.
#include "engine/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/plan/batches.h"
#include "engine/plan/budget.h"
#include "engine/plan/drafts.h"
#include "engine/plan/loads.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// What can only be read whole, and may serve several units: a chunk that is not raw, by its position, or an operand.
struct Shared {
  bool is_chunk = false;  // else an operand; those come first in any order of these
  std::size_t source = 0;
  Shape chunk;

  bool is_operand() const { return !is_chunk; }
  auto operator<=>(const Shared&) const = default;
};

class Planner {
 public:
  Planner(const PlanInput& input, const PlanOptions& options, Diagnostics& diags)
      : input_(input), options_(options), diags_(diags) {}

  Result<Plan> plan(std::vector<UnitDraft> drafts) {
    for (const UnitDraft& draft : drafts) {
      for (const Shared& shared : shared_of(draft)) ++users_[shared];
    }
    for (UnitDraft& draft : drafts) {
      if (!add(std::move(draft))) return diags_.failed();
    }
    return std::move(plan_);
  }

 private:
  /// What a unit is the first to read.
  struct Fresh {
    Shared what;
    Load load;
    bool is_kept = false;  // for units to come
  };

  Status add(UnitDraft draft) {
    const std::set<Shared> shared = shared_of(draft);
    std::vector<Load> parts = raw_loads(raw_blocks(draft), input_, options_);
    std::uint64_t targets = draft.range ? buffer_room(draft.range->bytes) : 0;
    for (const Block& block : draft.targets) {
      const std::uint64_t bytes = buffer_bytes(block, input_.targets[block.tensor].info.dtype);
      if (!draft.range) targets += buffer_room(bytes, input_.writer->stored_bytes(block.tensor));
      plan_.bytes_written += bytes;
    }
    forget_finished(shared);
    make_room(shared, parts, targets);
    std::uint64_t held = targets + kept_bytes() + operand_bytes(shared);
    std::vector<Fresh> fresh = fresh_loads(shared);
    for (Fresh& one : fresh) {
      if (users_[one.what] == 1) continue;  // this unit
      one.is_kept = true;
      const std::uint64_t more = one.what.is_operand() ? 0 : buffer_room(one.load.bytes);
      one.is_kept = held + more + largest(fresh, parts) <= options_.memory_bytes;
      if (one.is_kept) held += more;
    }
    const std::uint64_t transient = largest(fresh, parts);

    std::ranges::sort(draft.readers);
    Unit unit{draft.strategy, std::move(draft.targets), draft.range, {}, std::move(draft.readers)};
    auto next = fresh.begin();
    for (const Shared& one : shared) {
      --users_[one];
      if (const auto found = kept_.find(one); found != kept_.end()) {
        unit.loads.push_back(found->second);
        continue;
      }
      if (next->is_kept) kept_[one] = plan_.loads.size();
      add_load(unit, std::move(next++->load));
    }
    for (Load& part : parts) add_load(unit, std::move(part));
    plan_.units.push_back(std::move(unit));
    return check(held + transient);
  }

  // ---- loads

  /// Operands first, then chunks.
  std::set<Shared> shared_of(const UnitDraft& draft) const {
    std::set<Shared> shared;
    for (const std::size_t operand : draft.operands) shared.insert({false, operand, {}});
    for (const SourceBox& box : draft.boxes) {
      const ChunkForm form = input_.reader->form(box.source);
      if (form.is_raw) continue;
      for (const Block& block : blocks_of(box.source, box.box, form.chunk))
        shared.insert({true, box.source, block.chunk});
    }
    return shared;
  }

  std::vector<Block> raw_blocks(const UnitDraft& draft) const {
    std::vector<Block> blocks;
    for (const SourceBox& box : draft.boxes) {
      const ChunkForm form = input_.reader->form(box.source);
      if (!form.is_raw) continue;
      const DType dtype = input_.sources[box.source].dtype;
      for (const Block& block : blocks_of(box.source, box.box, form.chunk)) {
        std::ranges::move(cut(block, dtype, options_.load_bytes), std::back_inserter(blocks));
      }
    }
    return blocks;
  }

  Load load_of(const Shared& shared) const {
    const TensorInfo& info = input_.sources[shared.source];
    if (shared.is_operand()) {
      const Box all{Shape(info.shape.size()), info.shape};
      return {{{shared.source, Shape(info.shape.size()), all}}, true, info.bytes(), 0};
    }
    // All of it is there for every unit.
    Block block{shared.source, shared.chunk, cells_of_chunk(shared.chunk, input_.reader->form(shared.source).chunk)};
    const std::uint64_t bytes = buffer_bytes(block, info.dtype);
    return {{std::move(block)}, false, bytes, input_.reader->stored_bytes(shared.source, shared.chunk)};
  }

  void add_load(Unit& unit, Load load) {
    for (const Block& block : load.blocks) plan_.bytes_read += buffer_bytes(block, input_.sources[block.tensor].dtype);
    unit.loads.push_back(plan_.loads.size());
    plan_.loads.push_back(std::move(load));
  }

  // ---- memory

  std::uint64_t kept_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [shared, load] : kept_) bytes += buffer_room(plan_.loads[load].bytes);
    return bytes;
  }

  /// Of the operands that are not there yet: they stay until the unit is complete.
  std::uint64_t operand_bytes(const std::set<Shared>& shared) const {
    std::uint64_t bytes = 0;
    for (const Shared& one : shared) {
      if (one.is_operand() && !kept_.contains(one)) bytes += buffer_room(input_.sources[one.source].bytes());
    }
    return bytes;
  }

  /// What is shared and is not there yet, in order.
  std::vector<Fresh> fresh_loads(const std::set<Shared>& shared) const {
    std::vector<Fresh> fresh;
    for (const Shared& one : shared) {
      if (!kept_.contains(one)) fresh.push_back({one, load_of(one)});
    }
    return fresh;
  }

  /// Of the loads that a unit reads and nobody keeps, the one that takes most while it is read and moved. The others
  /// can wait for it. Of what is kept, only what it takes beside its buffer.
  static std::uint64_t largest(const std::vector<Fresh>& fresh, const std::vector<Load>& parts) {
    std::uint64_t most = 0;
    for (const Load& part : parts) most = std::max(most, buffer_room(part.bytes));
    for (const Fresh& one : fresh) {
      const bool is_held = one.is_kept || one.what.is_operand();
      const std::uint64_t both = buffer_room(one.load.bytes, one.load.stored_bytes);
      most = std::max(most, both - (is_held ? buffer_room(one.load.bytes) : 0));
    }
    return most;
  }

  /// What no unit from this one on needs has gone by now.
  void forget_finished(const std::set<Shared>& needed) {
    std::erase_if(kept_, [&](const auto& kept) { return users_[kept.first] == 0 && !needed.contains(kept.first); });
  }

  /// Keeps less for units to come, until the buffers of this one and its largest load fit beside it. What is kept stays
  /// at least until this unit has used it, so that only what is read anew saves memory.
  void make_room(const std::set<Shared>& needed, const std::vector<Load>& parts, std::uint64_t targets) {
    while (!kept_.empty() && targets + kept_bytes() + operand_bytes(needed) + largest(fresh_loads(needed), parts) >
                                 options_.memory_bytes) {
      kept_.erase(std::ranges::min_element(kept_, {}, [&](const auto& kept) {
        return std::pair(needed.contains(kept.first), kept.second);  // others first, and the oldest
      }));
    }
  }

  Status check(std::uint64_t needed_bytes) {
    plan_.needed_bytes = std::max(plan_.needed_bytes, needed_bytes);
    if (needed_bytes <= options_.memory_bytes) return Done{};
    const std::string& name = input_.targets[plan_.units.back().targets.front().tensor].info.name;
    return report(diags_, {}, diag::OverBudget, name, needed_bytes, options_.memory_bytes)
        .help("allow more memory; it must hold what cannot be read in parts, such as a compressed chunk");
  }

  const PlanInput& input_;
  const PlanOptions& options_;
  Diagnostics& diags_;
  Plan plan_;
  std::map<Shared, std::size_t> users_;  // units to come
  std::map<Shared, std::size_t> kept_;   // loads that stay in memory for them
};

}  // namespace

std::string_view to_string(Strategy strategy) {
  switch (strategy) {
    case Strategy::Stream:
      return "streamed";
    case Strategy::Whole:
      return "whole";
    case Strategy::Gather:
      return "gathered";
    case Strategy::Scatter:
      return "scattered";
    case Strategy::Open:
      return "together";
    case Strategy::Batch:
      return "batched";
    case Strategy::TwoPass:
      return "two-pass";
  }
  return {};
}

Result<Plan> make_plan(const PlanInput& input, const PlanOptions& options, std::vector<UnitDraft> drafts,
                       Diagnostics& diags) {
  return Planner(input, options, diags).plan(std::move(drafts));
}

Result<Plan> make_plan(const PlanInput& input, const PlanOptions& options, Diagnostics& diags) {
  return make_plan(input, options, draft_units(input, options), diags);
}

}  // namespace rulec
