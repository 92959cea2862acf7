// SPDX-License-Identifier: Apache-2.0
#include "engine/graph/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/tensor/name_sets.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::size_t MostListed = 8;

void report_missing(const Pack& pack, SideId side, const std::vector<std::size_t>& missing, const GraphOptions& options,
                    Diagnostics& diags) {
  const std::vector<Tensor>& tensors = pack.tensors[number(side)];
  std::vector<std::string> names;
  for (const std::size_t t : missing) names.push_back(tensors[t].name);
  Finding finding = report(diags, pack.place(side, missing.front()), diag::SourceMissing,
                           names.size() == 1 ? "1 tensor" : fmt::format("{} tensors", names.size()),
                           names.size() == 1 ? "is" : "are", options.where);
  const std::vector<NameGroup> groups = group_names(names);
  for (std::size_t g = 0; g < std::min(groups.size(), MostListed); ++g) {
    finding.note(fmt::format("{}  {}", groups[g].text, to_string(tensors[missing[groups[g].first]].shape)));
  }
  if (groups.size() > MostListed)
    finding.note(
        fmt::format("and {} more {}", groups.size() - MostListed, groups.size() == MostListed + 1 ? "kind" : "kinds"));
  std::vector<std::string> unread;
  for (const TensorInfo& info : options.source) {
    if (!pack.find(side, info.name)) unread.push_back(info.name);
  }
  if (const auto close = close_names(names.front(), unread, 2); !close.empty()) {
    finding.help(fmt::format("these names are close: `{}`", fmt::join(close, "`, `")));
  }
}

/// The one axis that, put elsewhere, turns one shape into the other.
struct MovedAxis {
  std::size_t stored = 0;
  std::size_t ruled = 0;
};
std::optional<MovedAxis> moved_axis(const Shape& stored, const Shape& ruled) {
  for (std::size_t a = 0; a < stored.size(); ++a) {
    for (std::size_t b = 0; b < stored.size(); ++b) {
      Shape moved = stored;
      moved.erase(moved.begin() + static_cast<std::ptrdiff_t>(a));
      moved.insert(moved.begin() + static_cast<std::ptrdiff_t>(b), stored[a]);
      if (moved == ruled) return MovedAxis{a, b};
    }
  }
  return std::nullopt;
}

/// Whether several instances of a rule are stacked in a tensor, as layers are.
bool is_stacked(const Pack& pack, SideId side, std::size_t place) {
  std::optional<std::uint32_t> first;
  return std::ranges::any_of(pack.pieces, [&](const Piece& piece) {
    if (piece.tensor[number(side)] != static_cast<std::int32_t>(place)) return false;
    if (!first) first = piece.instance;
    return *first != piece.instance;
  });
}

void report_shape(const Pack& pack, SideId side, std::size_t place, const TensorInfo& info, const GraphOptions& options,
                  Diagnostics& diags) {
  const Tensor& tensor = pack.tensors[number(side)][place];
  Finding finding = report(diags, pack.place(side, place), diag::StoredDiffers, tensor.name, to_string(info.shape),
                           to_string(tensor.shape));
  finding.also(FilePlace{options.where, std::nullopt}, {});
  if (!std::ranges::is_permutation(info.shape, tensor.shape)) return;
  const std::optional<MovedAxis> moved = moved_axis(info.shape, tensor.shape);
  const auto scan_axis = pack.options.find("scan_axis");
  const auto* axis = scan_axis == pack.options.end() ? nullptr : std::get_if<Rational>(&scan_axis->second);
  if (moved && axis != nullptr && axis->is_whole() && static_cast<std::size_t>(axis->numerator) == moved->ruled &&
      is_stacked(pack, side, place)) {
    finding.help(
        fmt::format("layers are stacked along axis {} here: set `scan_axis={}`", moved->stored, moved->stored));
  } else {
    finding.note("the same axes in another order");
  }
}

/// Where the tensors of a side stand in a catalogue; NotRead for those that it lacks.
std::vector<std::size_t> places_in(std::span<const TensorInfo> catalogue, const Pack& pack, SideId side) {
  std::vector<std::size_t> places(pack.tensors[number(side)].size(), NotRead);
  const std::vector<std::optional<std::size_t>> tensors = pack.find_all(side, catalogue);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i]) places[*tensors[i]] = i;
  }
  return places;
}

}  // namespace

Result<std::vector<std::size_t>> find_sources(const Pack& pack, SideId to,
                                              const std::map<std::size_t, std::vector<const Piece*>>& pieces_of,
                                              const GraphOptions& options, Diagnostics& diags) {
  const SideId from = other(to);
  const std::vector<Tensor>& tensors = pack.tensors[number(from)];
  std::vector<bool> is_read(tensors.size());
  for (const auto& [target, pieces] : pieces_of) {
    for (const Piece* piece : pieces) {
      if (piece->kind == PieceKind::Copy) is_read[static_cast<std::size_t>(piece->tensor[number(from)])] = true;
      for (const PieceOperand& operand : piece->operands) is_read[operand.tensor] = true;
    }
  }
  // A constant has no target: it is read all the same, to see that it is one.
  for (const Piece& piece : pack.pieces) {
    const bool is_checked =
        options.only.empty() && piece.kind == PieceKind::Constant && pack.families[piece.family].writes(to);
    if (is_checked && piece.tensor[number(from)] >= 0)
      is_read[static_cast<std::size_t>(piece.tensor[number(from)])] = true;
  }
  const std::size_t errors = diags.errors();
  const std::size_t before = diags.all().size();
  const std::vector<std::size_t> stored = places_in(options.source, pack, from);
  std::vector<std::size_t> places(tensors.size(), NotRead);
  std::vector<std::size_t> missing;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (!is_read[t]) continue;
    if (stored[t] == NotRead) {
      missing.push_back(t);
      continue;
    }
    places[t] = stored[t];
    const TensorInfo& info = options.source[stored[t]];
    if (tensors[t].shape_known && info.shape != tensors[t].shape) report_shape(pack, from, t, info, options, diags);
  }
  diags.deduplicate(before);
  if (!missing.empty()) report_missing(pack, from, missing, options, diags);
  if (diags.errors() > errors) return diags.failed();
  return places;
}

}  // namespace rulec
