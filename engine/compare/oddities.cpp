// SPDX-License-Identifier: Apache-2.0
#include "engine/compare/oddities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/compare/sides.h"
#include "engine/pack/pack.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Where the cells of a tensor come from: the other side's tensors, where they begin there, and the steps.
using Origin = std::vector<std::tuple<std::int32_t, std::int64_t, std::vector<std::array<std::int64_t, 3>>>>;

/// What the rules say of the tensors of one side.
class RulesOfSide {
 public:
  RulesOfSide(const Pack* pack, const TensorStore& store) {
    const std::optional<SideId> side = pack == nullptr ? std::nullopt : side_of(*pack, store);
    if (!side) return;
    const std::size_t here = number(*side);
    const std::size_t there = number(other(*side));
    for (const Piece& piece : pack->pieces) {
      if (piece.tensor[here] < 0) continue;
      const std::string& name = pack->tensors[here][static_cast<std::size_t>(piece.tensor[here])].name;
      Origin& origin = origins_[name];
      if (piece.kind != PieceKind::Copy) continue;
      std::vector<std::array<std::int64_t, 3>> axes;
      for (const PieceAxis& axis : pack->forms[piece.form].axes)
        axes.push_back({axis.extent, axis.stride[here], axis.stride[there]});
      origin.emplace_back(piece.tensor[there], piece.offset[there], std::move(axes));
    }
    for (auto& [name, origin] : origins_) std::ranges::sort(origin);
  }

  /// Of constants and padding alone.
  bool is_constant(const std::string& tensor) const {
    const auto origin = origins_.find(tensor);
    return origin != origins_.end() && origin->second.empty();
  }

  /// Made of the same cells of the other side.
  bool are_copies(const std::string& a, const std::string& b) const {
    const auto origin_a = origins_.find(a);
    const auto origin_b = origins_.find(b);
    return origin_a != origins_.end() && origin_b != origins_.end() && !origin_a->second.empty() &&
           origin_a->second == origin_b->second;
  }

 private:
  std::map<std::string, Origin, std::less<>> origins_;
};

/// One message for all that share an oddity: the first is named, and the others in a note.
void warn(const TensorStore& store, const auto& kind, const std::vector<std::array<std::string, 2>>& found,
          Diagnostics& diags) {
  constexpr std::size_t Named = 8;
  if (found.empty()) return;
  Finding finding = report(diags, FilePlace{std::string(store.where()), {}}, kind, found[0][0], found[0][1]);
  for (std::size_t i = 1; i < std::min(found.size(), Named); ++i)
    finding.note(fmt::format("likewise `{}`: {}", found[i][0], found[i][1]));
  if (found.size() > Named) finding.note(fmt::format("and {} more", found.size() - Named));
}

bool is_one_number(const TensorStatistics& s) {
  return s.cells > 1 && s.nans == 0 && s.infinities == 0 && s.least == s.most;
}

std::string not_finite(const TensorStatistics& s) {
  std::string text;
  if (s.nans > 0) text = fmt::format("{} NaN{}", s.nans, s.nans == 1 ? "" : "s");
  if (s.infinities == 0) return text;
  return fmt::format("{}{}{} {}", text, text.empty() ? "" : " and ", s.infinities,
                     s.infinities == 1 ? "infinity" : "infinities");
}

/// Whether two tensors of one size have the same bytes.
Result<bool> are_same(const TensorStore& store, const std::string& a, const std::string& b, Diagnostics& diags) {
  constexpr std::uint64_t WindowBytes = std::uint64_t{4} << 20U;
  const std::size_t in_a = *find_tensor(store.tensors(), a);
  const std::size_t in_b = *find_tensor(store.tensors(), b);
  const std::uint64_t size = store.tensors()[in_a].bytes();
  std::vector<std::byte> of_a;
  std::vector<std::byte> of_b;
  for (std::uint64_t offset = 0; offset < size; offset += WindowBytes) {
    of_a.resize(std::min(WindowBytes, size - offset));
    of_b.resize(of_a.size());
    if (!store.read(in_a, offset, of_a, diags) || !store.read(in_b, offset, of_b, diags)) return diags.failed();
    if (of_a != of_b) return false;
  }
  return true;
}

/// That of some tensors which `tensor` is the same as, if there is one.
Result<std::optional<std::string>> original_of(const TensorStore& store, const std::string& tensor,
                                               const std::vector<std::string>& others, const RulesOfSide& rules,
                                               Diagnostics& diags) {
  for (const std::string& other : others) {
    if (rules.are_copies(tensor, other)) return std::optional(other);
    const Result<bool> same = are_same(store, tensor, other, diags);
    if (!same) return diags.failed();
    if (*same) return std::optional(other);
  }
  return std::optional<std::string>();
}

/// Tensors that cannot be told apart by what is known of them, in the order of their names.
std::vector<std::vector<const TensorVerdict*>> look_alikes(const std::vector<TensorVerdict>& tensors) {
  std::vector<const TensorVerdict*> candidates;
  for (const TensorVerdict& tensor : tensors) {
    const auto& s = tensor.statistics;
    if (s && s->cells > 1 && !is_one_number(*s)) candidates.push_back(&tensor);
  }
  const auto key = [](const TensorVerdict* t) {
    const TensorStatistics& s = *t->statistics;
    return std::tie(t->dtype, t->shape, s.cells, s.zeros, s.nans, s.infinities, s.least, s.most, s.mean, s.deviation);
  };
  std::ranges::stable_sort(candidates, [&](const auto* a, const auto* b) { return key(a) < key(b); });
  std::vector<std::vector<const TensorVerdict*>> groups;
  for (const TensorVerdict* tensor : candidates) {
    if (groups.empty() || key(groups.back().front()) != key(tensor)) groups.emplace_back();
    groups.back().push_back(tensor);
  }
  return groups;
}

}  // namespace

Status warn_of_oddities(const TensorStore& store, const std::vector<TensorVerdict>& tensors, const Pack* pack,
                        Diagnostics& diags) {
  const RulesOfSide rules(pack, store);
  std::vector<std::array<std::string, 2>> constants;
  std::vector<std::array<std::string, 2>> wild;
  std::vector<std::array<std::string, 2>> copies;
  for (const TensorVerdict& tensor : tensors) {
    if (!tensor.statistics) continue;
    const TensorStatistics& s = *tensor.statistics;
    if (is_one_number(s) && !rules.is_constant(tensor.name))
      constants.push_back({tensor.name, fmt::format("{}", s.least)});
    if (s.nans + s.infinities > 0) wild.push_back({tensor.name, not_finite(s)});
  }
  for (const std::vector<const TensorVerdict*>& group : look_alikes(tensors)) {
    std::vector<std::string> distinct;
    for (const TensorVerdict* tensor : group) {
      const Result<std::optional<std::string>> original = original_of(store, tensor->name, distinct, rules, diags);
      if (!original) return diags.failed();
      if (!*original) {
        distinct.push_back(tensor->name);
      } else if (!rules.are_copies(tensor->name, **original)) {
        copies.push_back({tensor->name, **original});
      }
    }
  }
  warn(store, diag::OneNumber, constants, diags);
  warn(store, diag::NotFinite, wild, diags);
  std::ranges::sort(copies);
  warn(store, diag::SameWeights, copies, diags);
  return Done{};
}

}  // namespace rulec
