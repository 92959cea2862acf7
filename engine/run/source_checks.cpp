// SPDX-License-Identifier: Apache-2.0
#include "engine/run/source_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// Calls `visit(element, position)` for all cells of a copy's source side.
template <class Visit>
void each_cell(const StridedCopy& copy, const Visit& visit) {
  std::vector<std::int64_t> position(copy.axes.size(), 0);
  const std::int64_t count = copy.cells();
  std::int64_t at = copy.source_offset;
  for (std::int64_t cell = 0; cell < count; ++cell) {
    visit(at, position);
    for (std::size_t a = copy.axes.size(); a-- > 0;) {
      at += copy.axes[a].source_stride;
      if (++position[a] < copy.axes[a].extent) break;
      at -= copy.axes[a].extent * copy.axes[a].source_stride;
      position[a] = 0;
    }
  }
}

/// The axis of a pad that has real cells in front: where the offset lies along it. And the number of its first row.
struct PadAxis {
  std::size_t axis = 0;
  std::int64_t first_row = 0;
};
PadAxis pad_axis(const StridedCopy& copy) {
  for (std::size_t a = copy.axes.size(); a-- > 0;) {
    const std::int64_t stride = std::max<std::int64_t>(1, copy.axes[a].source_stride);
    std::int64_t wider = 0;
    for (const StridedAxis& other : copy.axes) {
      if (other.source_stride > stride && (wider == 0 || other.source_stride < wider)) wider = other.source_stride;
    }
    const std::int64_t row = wider == 0 ? copy.source_offset / stride : copy.source_offset % wider / stride;
    if (row != 0) return {a, row};
  }
  return {};
}

/// Rows of padding that hold numbers.
struct FullRows {
  std::set<std::int64_t> rows;
  std::int64_t all = 0;
  double largest = 0;
};

}  // namespace

SourceChecks::SourceChecks(const Pack& pack, const Graph& graph, std::span<const TensorInfo> catalogue,
                           const RunOptions& options, RunReport& report, Diagnostics& diags)
    : pack_(pack), to_(graph.to), from_(other(graph.to)), options_(options), report_(report), diags_(diags) {
  const auto name_of = [&](const Piece& piece, SideId side) -> const std::string& {
    return pack.tensors[number(side)][static_cast<std::size_t>(piece.tensor[number(side)])].name;
  };
  std::set<std::string_view> targets;
  for (const TensorInfo& info : graph.targets) targets.insert(info.name);
  for (const Piece& piece : pack.pieces) {
    const bool is_copy = piece.kind == PieceKind::Copy;
    const bool writes = pack.families[piece.family].writes(to_);
    if (is_copy && !targets.contains(name_of(piece, to_))) continue;
    if (!is_copy && writes && piece.tensor[number(from_)] >= 0) one_sided_[name_of(piece, from_)].push_back(&piece);
    if (is_copy && writes) copies_[name_of(piece, to_)].push_back(&piece);
    if (is_copy && !writes) {
      const auto place = find_tensor(catalogue, name_of(piece, from_));
      if (!place) continue;
      aliases_[name_of(piece, to_)][name_of(piece, from_)].push_back(&piece);
      alias_infos_.try_emplace(name_of(piece, from_), catalogue[*place]);
    }
  }
  for (auto& [target, by_source] : aliases_) {
    std::erase_if(by_source, [&](const auto& entry) {
      return std::ranges::any_of(copies_[target],
                                 [&](const Piece* copy) { return name_of(*copy, from_) == entry.first; }) ||
             !std::ranges::all_of(entry.second, [&](const Piece* alias) { return is_copy_of(*alias); });
    });
  }
}

/// Whether an alias goes through the same hooks as the way back does: then what arrives can be compared bit for bit.
/// Other hooks round differently, and nothing can be said.
bool SourceChecks::is_copy_of(const Piece& alias) const {
  const auto& tensor = pack_.tensors[number(from_)][static_cast<std::size_t>(alias.tensor[number(from_)])];
  if (alias_infos_.at(tensor.name).shape != tensor.shape) return false;
  const auto& target = pack_.tensors[number(to_)][static_cast<std::size_t>(alias.tensor[number(to_)])];
  const auto& along = pack_.numbers[pack_.forms[alias.form].numbers].towards[number(from_)];
  const auto found = copies_.find(target.name);
  return found != copies_.end() && std::ranges::all_of(found->second, [&](const Piece* copy) {
           return pack_.numbers[pack_.forms[copy->form].numbers].towards[number(from_)] == along;
         });
}

Span SourceChecks::place_of(const Piece& piece, SideId side) const {
  const Family& family = pack_.families[piece.family];
  const auto& tensors = family.instances[piece.instance].tensors[number(side)];
  const auto term =
      std::ranges::find(tensors, static_cast<std::uint32_t>(piece.tensor[number(side)])) - tensors.begin();
  if (static_cast<std::size_t>(term) >= tensors.size()) return family.span;
  const TermPlace& place = family.terms[number(side)][static_cast<std::size_t>(term)];
  return piece.kind == PieceKind::Pad ? place.shape.value_or(place.path) : place.path;
}

Status SourceChecks::check(const TensorInfo& info, std::span<const std::byte> bytes) {
  const std::size_t errors = diags_.errors();
  check_pads(info, bytes);
  check_constants(info, bytes);
  if (diags_.errors() > errors) return diags_.failed();
  return Done{};
}

void SourceChecks::check_pads(const TensorInfo& info, std::span<const std::byte> bytes) {
  const auto found = one_sided_.find(info.name);
  if (found == one_sided_.end()) return;
  FullRows full;
  std::vector<StridedCopy> seen;  // several rules may name one padding
  const Piece* first = nullptr;
  const std::size_t size = element_bytes(info.dtype);
  for (const Piece* piece : found->second) {
    const StridedCopy copy = strided_copy(pack_, *piece, to_);
    if (piece->kind != PieceKind::Pad || std::ranges::find(seen, copy) != seen.end()) continue;
    seen.push_back(copy);
    const PadAxis axis = pad_axis(copy);
    full.all += copy.axes.empty() ? 1 : copy.axes[axis.axis].extent;
    each_cell(copy, [&](std::int64_t at, const std::vector<std::int64_t>& position) {
      const double x = to_double(info.dtype, bytes.subspan(static_cast<std::size_t>(at) * size, size));
      if (x == 0) return;  // of either sign, as the reference says: an optimizer's decay makes negative zeros
      if (first == nullptr) first = piece;
      full.rows.insert(position.empty() ? 0 : axis.first_row + position[axis.axis]);
      if (!(std::fabs(x) <= full.largest)) full.largest = std::fabs(x);
    });
  }
  if (full.rows.empty()) return;
  if (options_.pad_policy == Policy::Drop) {
    report_.dropped_pad_rows += full.rows.size();
    return;
  }
  report(diags_, place_of(*first, from_), diag::PadNotCanonical, info.name)
      .note(fmt::format(
          "{} of {} rows of padding hold numbers: the first is row {}, the last row {}; the largest |x| is {:.6g}",
          full.rows.size(), full.all, *full.rows.begin(), *full.rows.rbegin(), full.largest))
      .help("the other side has no place for them; to go on without: `--pad-policy drop`");
}

void SourceChecks::check_constants(const TensorInfo& info, std::span<const std::byte> bytes) {
  const auto found = one_sided_.find(info.name);
  if (found == one_sided_.end()) return;
  const std::size_t size = element_bytes(info.dtype);
  for (const Piece* piece : found->second) {
    if (piece->kind != PieceKind::Constant) continue;
    const Pipeline pipeline =
        pack_.numbers[pack_.forms[piece->form].numbers].towards[number(from_)].value_or(Pipeline{});
    const auto constant = static_cast<float>(piece->constant);
    std::array<std::byte, 8> expected{};
    Types types = types_of(pipeline, DType::F32, info.dtype);
    apply(pipeline, types, std::as_bytes(std::span(&constant, 1)), {},
          std::span(expected).first(element_bytes(types.stored)));
    const double wanted = to_double(types.stored, std::span(expected).first(element_bytes(types.stored)));
    std::int64_t wrong = 0;
    double other = 0;
    each_cell(strided_copy(pack_, *piece, to_), [&](std::int64_t at, const auto&) {
      const double x = to_double(info.dtype, bytes.subspan(static_cast<std::size_t>(at) * size, size));
      if (x == wanted) return;
      if (wrong++ == 0) other = x;
    });
    if (wrong == 0) continue;
    if (options_.constant_policy == Policy::Drop) {
      ++report_.dropped_constants;
      return;
    }
    report(diags_, place_of(*piece, from_), diag::ConstantDiffers, info.name, fmt::format("{}", wanted))
        .note(fmt::format("{} {}; the first is {:.6g}", wrong, wrong == 1 ? "cell differs" : "cells differ", other))
        .help("the other side has no place for it; to go on without: `--constant-policy drop`");
    return;
  }
}

std::vector<TensorInfo> SourceChecks::aliases_of(std::string_view name) const {
  std::vector<TensorInfo> result;
  const auto found = aliases_.find(name);
  if (found == aliases_.end()) return result;
  for (const auto& [source, pieces] : found->second) result.push_back(alias_infos_.at(source));
  return result;
}

void SourceChecks::place(std::string_view target, const TensorInfo& info, std::span<const std::byte> bytes,
                         std::span<std::byte> raw) const {
  const auto found = copies_.find(target);
  if (found == copies_.end()) return;
  for (const Piece* piece : found->second) {
    if (pack_.tensors[number(from_)][static_cast<std::size_t>(piece->tensor[number(from_)])].name != info.name)
      continue;
    copy_strided(strided_copy(pack_, *piece, to_), bits(info.dtype) / 8, bytes, raw);
  }
}

Status SourceChecks::check_alias(std::string_view target, std::string_view original, DType dtype,
                                 std::span<const std::byte> raw, const TensorInfo& alias,
                                 std::span<const std::byte> bytes) {
  std::vector<std::byte> converted(raw.size() / element_bytes(dtype) * element_bytes(alias.dtype));
  apply({}, {dtype, dtype, alias.dtype}, raw, {}, converted);
  std::vector<std::byte> expected(bytes.begin(), bytes.end());
  const std::vector<const Piece*>& pieces = aliases_.find(target)->second.at(alias.name);
  for (const Piece* piece : pieces)
    copy_strided(strided_copy(pack_, *piece, from_), bits(alias.dtype) / 8, converted, expected);
  const std::size_t size = element_bytes(alias.dtype);
  std::size_t wrong = 0;
  std::size_t first = 0;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    if (std::memcmp(&bytes[at], &expected[at], size) == 0) continue;
    if (wrong++ == 0) first = at;
  }
  if (wrong == 0) return Done{};
  if (options_.alias_policy == Policy::Drop) {
    ++report_.dropped_aliases;
    return Done{};
  }
  return report(diags_, place_of(*pieces.front(), from_), diag::AliasDiffers, alias.name, original)
      .note(fmt::format("{} of {} cells differ; the first is element {}: {:.6g}, not {:.6g}", wrong,
                        bytes.size() / size, first / size, to_double(alias.dtype, bytes.subspan(first, size)),
                        to_double(alias.dtype, std::span<const std::byte>(expected).subspan(first, size))))
      .help(fmt::format("`{}` has one place for both; to go on with `{}`: `--alias-policy drop`", target, original));
}

}  // namespace rulec
