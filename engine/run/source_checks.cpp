// SPDX-License-Identifier: Apache-2.0
#include "engine/run/source_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/run/box_reader.h"
#include "engine/tensor/cell_map.h"
#include "engine/tensor/element_bytes.h"
#include "engine/tensor/numbers.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::uint64_t LookBytes = std::uint64_t{4} << 20U;  // that are looked at at a time

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

class SourceChecks {
 public:
  SourceChecks(const Pack& pack, const Graph& graph, std::span<const TensorInfo> catalogue, const ChunkReader& reader,
               const RunOptions& options, RunReport& report, Diagnostics& diags)
      : pack_(pack),
        to_(graph.to),
        from_(other(graph.to)),
        catalogue_(catalogue),
        boxes_(reader),
        options_(options),
        report_(report),
        diags_(diags) {
    collect(graph);
  }

  Status run() {
    const std::size_t errors = diags_.errors();
    for (const auto& [source, pieces] : one_sided_) {
      const std::optional<std::size_t> tensor = find_tensor(catalogue_, source);
      if (!tensor) continue;
      if (!check_pads(*tensor, pieces) || !check_constants(*tensor, pieces)) return diags_.failed();
    }
    for (const auto& [target, by_source] : aliases_) {
      for (const auto& [source, pieces] : by_source) {
        if (!check_alias(target, *find_tensor(catalogue_, source), pieces)) return diags_.failed();
      }
    }
    report_.bytes_read += boxes_.bytes_read();
    if (diags_.errors() > errors) return diags_.failed();
    return Done{};
  }

 private:
  using Pieces = std::vector<const Piece*>;

  const std::string& name_of(const Piece& piece, SideId side) const {
    return pack_.tensors[number(side)][static_cast<std::size_t>(piece.tensor[number(side)])].name;
  }

  void collect(const Graph& graph) {
    std::set<std::string_view> targets;
    for (const TensorInfo& info : graph.targets) targets.insert(info.name);
    for (const Piece& piece : pack_.pieces) {
      const bool is_copy = piece.kind == PieceKind::Copy;
      const bool writes = pack_.families[piece.family].writes(to_);
      if (is_copy && !targets.contains(name_of(piece, to_))) continue;
      if (!is_copy && writes && piece.tensor[number(from_)] >= 0) one_sided_[name_of(piece, from_)].push_back(&piece);
      if (is_copy && writes) copies_[name_of(piece, to_)].push_back(&piece);
      if (is_copy && !writes && find_tensor(catalogue_, name_of(piece, from_)))
        aliases_[name_of(piece, to_)][name_of(piece, from_)].push_back(&piece);
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
  bool is_copy_of(const Piece& alias) const {
    const auto& tensor = pack_.tensors[number(from_)][static_cast<std::size_t>(alias.tensor[number(from_)])];
    if (catalogue_[*find_tensor(catalogue_, tensor.name)].shape != tensor.shape) return false;
    const auto& along = pack_.numbers[pack_.forms[alias.form].numbers].towards[number(from_)];
    const auto found = copies_.find(name_of(alias, to_));
    return found != copies_.end() && std::ranges::all_of(found->second, [&](const Piece* copy) {
             return pack_.numbers[pack_.forms[copy->form].numbers].towards[number(from_)] == along;
           });
  }

  Span place_of(const Piece& piece, SideId side) const {
    const Family& family = pack_.families[piece.family];
    const std::span<const std::uint32_t> tensors = family.tensors_of(piece.instance, side);
    const auto term =
        std::ranges::find(tensors, static_cast<std::uint32_t>(piece.tensor[number(side)])) - tensors.begin();
    if (static_cast<std::size_t>(term) >= tensors.size()) return family.span;
    const TermPlace& place = family.terms[number(side)][static_cast<std::size_t>(term)];
    return piece.kind == PieceKind::Pad ? place.shape.value_or(place.path) : place.path;
  }

  /// Calls `visit(number, position)` for all cells of a tensor that a one-sided copy names, positions along its axes.
  template <class Visit>
  Status each_number(std::size_t tensor, const StridedCopy& copy, const Visit& visit) {
    const TensorInfo& info = catalogue_[tensor];
    const std::size_t size = element_bytes(info.dtype);
    const CellMap map = cell_map(copy, info.shape, {});
    for (const Box& box : boxes_of(bounds(map, MapEnd::Source), info.dtype, LookBytes)) {
      const auto bytes = boxes_.read(tensor, box, diags_);
      if (!bytes) return diags_.failed();
      for (const CellMap& part : restricted(map, MapEnd::Source, box)) {
        each_cell(placed(part, {box.begin, c_strides(box.shape())}, {}), [&](std::int64_t at, auto& position) {
          std::vector<std::int64_t> whole = position;
          for (std::size_t a = 0; a < whole.size(); ++a) whole[a] += part.axes[a].first;
          visit(to_double(info.dtype, bytes->subspan(static_cast<std::size_t>(at) * size, size)), whole);
        });
      }
    }
    return Done{};
  }

  Status check_pads(std::size_t tensor, const Pieces& pieces) {
    FullRows full;
    std::vector<StridedCopy> seen;  // several rules may name one padding
    const Piece* first = nullptr;
    for (const Piece* piece : pieces) {
      const StridedCopy copy = strided_copy(pack_, *piece, to_);
      if (piece->kind != PieceKind::Pad || std::ranges::find(seen, copy) != seen.end()) continue;
      seen.push_back(copy);
      if (copy.cells() == 0) continue;
      const PadAxis axis = pad_axis(copy);
      full.all += copy.axes.empty() ? 1 : copy.axes[axis.axis].extent;
      const auto look = [&](double x, const std::vector<std::int64_t>& position) {
        if (x == 0) return;  // of either sign, as the reference says: an optimizer's decay makes negative zeros
        if (first == nullptr) first = piece;
        full.rows.insert(position.empty() ? 0 : axis.first_row + position[axis.axis]);
        if (!(std::fabs(x) <= full.largest)) full.largest = std::fabs(x);
      };
      if (!each_number(tensor, copy, look)) return diags_.failed();
    }
    if (full.rows.empty()) return Done{};
    if (options_.pad_policy == Policy::Drop) {
      report_.dropped_pad_rows += full.rows.size();
      return Done{};
    }
    report(diags_, place_of(*first, from_), diag::PadNotCanonical, catalogue_[tensor].name)
        .note(fmt::format(
            "{} of {} rows of padding hold numbers: the first is row {}, the last row {}; the largest |x| is {:.6g}",
            full.rows.size(), full.all, *full.rows.begin(), *full.rows.rbegin(), full.largest))
        .help("the other side has no place for them; to go on without: `--pad-policy drop`");
    return Done{};
  }

  Status check_constants(std::size_t tensor, const Pieces& pieces) {
    const TensorInfo& info = catalogue_[tensor];
    for (const Piece* piece : pieces) {
      const StridedCopy copy = strided_copy(pack_, *piece, to_);
      if (piece->kind != PieceKind::Constant || copy.cells() == 0) continue;
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
      const auto look = [&](double x, const auto&) {
        if (x == wanted) return;
        if (wrong++ == 0) other = x;
      };
      if (!each_number(tensor, copy, look)) return diags_.failed();
      if (wrong == 0) continue;
      if (options_.constant_policy == Policy::Drop) {
        ++report_.dropped_constants;
        return Done{};
      }
      report(diags_, place_of(*piece, from_), diag::ConstantDiffers, info.name, fmt::format("{}", wanted))
          .note(fmt::format("{} {}; the first is {:.6g}", wrong, wrong == 1 ? "cell differs" : "cells differ", other))
          .help("the other side has no place for it; to go on without: `--constant-policy drop`");
      return Done{};
    }
    return Done{};
  }

  /// Some of a target's cells, as they arrive from the sources that the rules make it of.
  Status gather(const std::string& target, const Box& window, const Shape& shape, DType dtype,
                std::vector<std::byte>& raw) {
    const Placement place{window.begin, c_strides(window.shape())};
    raw.assign(bytes_of(dtype, *cells(window.shape())), std::byte{});
    for (const Piece* piece : copies_[target]) {
      const std::size_t tensor = *find_tensor(catalogue_, name_of(*piece, from_));
      const StridedCopy copy = strided_copy(pack_, *piece, to_);
      if (copy.cells() == 0) continue;
      for (const CellMap& part : restricted(cell_map(copy, catalogue_[tensor].shape, shape), MapEnd::Target, window)) {
        const Box box = bounds(part, MapEnd::Source);
        const auto bytes = boxes_.read(tensor, box, diags_);
        if (!bytes) return diags_.failed();
        copy_strided(placed(part, {box.begin, c_strides(box.shape())}, place), bits(dtype) / 8, *bytes, raw);
      }
    }
    return Done{};
  }

  struct Differences {
    std::size_t count = 0;
    std::int64_t first = 0;  // number of the cell in the alias
    double found = 0;
    double expected = 0;
  };

  /// Holds what the rules would make of a target's cells against an alias of it.
  Status compare(std::size_t alias, const Pieces& pieces, const Box& window, const Shape& shape,
                 std::span<const std::byte> converted, Differences& differences) {
    const TensorInfo& info = catalogue_[alias];
    const std::size_t size = element_bytes(info.dtype);
    for (const Piece* piece : pieces) {
      const StridedCopy copy = strided_copy(pack_, *piece, from_);
      if (copy.cells() == 0) continue;
      for (const CellMap& part : restricted(cell_map(copy, shape, info.shape), MapEnd::Source, window)) {
        const Box box = bounds(part, MapEnd::Target);
        const auto bytes = boxes_.read(alias, box, diags_);
        if (!bytes) return diags_.failed();
        const Placement there{box.begin, c_strides(box.shape())};
        std::vector<std::byte> expected(bytes->begin(), bytes->end());
        copy_strided(placed(part, {window.begin, c_strides(window.shape())}, there), bits(info.dtype) / 8, converted,
                     expected);
        for (std::size_t at = 0; at < bytes->size(); at += size) {
          if (std::memcmp(&(*bytes)[at], &expected[at], size) == 0) continue;
          Shape cell = position_of(static_cast<std::int64_t>(at / size), box.shape());
          for (std::size_t axis = 0; axis < cell.size(); ++axis) cell[axis] += box.begin[axis];
          const std::int64_t number = index_of(cell, info.shape);
          if (differences.count++ > 0 && number >= differences.first) continue;
          differences.first = number;
          differences.found = to_double(info.dtype, bytes->subspan(at, size));
          differences.expected = to_double(info.dtype, std::span<const std::byte>(expected).subspan(at, size));
        }
      }
    }
    return Done{};
  }

  Status check_alias(const std::string& target, std::size_t alias, const Pieces& pieces) {
    const Pieces& copies = copies_[target];
    const std::size_t original = *find_tensor(catalogue_, name_of(*copies.front(), from_));
    const DType dtype = catalogue_[original].dtype;
    const bool is_one_type = std::ranges::all_of(copies, [&](const Piece* copy) {
      return catalogue_[*find_tensor(catalogue_, name_of(*copy, from_))].dtype == dtype;
    });
    if (!is_one_type) return Done{};
    const TensorInfo& info = catalogue_[alias];
    const Shape& shape = pack_.tensors[number(to_)][*pack_.find(to_, target)].shape;
    Differences differences;
    std::vector<std::byte> raw;
    std::vector<std::byte> converted;
    for (const Box& window : boxes_of({Shape(shape.size()), shape}, dtype, LookBytes)) {
      if (!gather(target, window, shape, dtype, raw)) return diags_.failed();
      converted.resize(bytes_of(info.dtype, *cells(window.shape())));
      apply({}, {dtype, dtype, info.dtype}, raw, {}, converted);
      if (!compare(alias, pieces, window, shape, converted, differences)) return diags_.failed();
    }
    if (differences.count == 0) return Done{};
    if (options_.alias_policy == Policy::Drop) {
      ++report_.dropped_aliases;
      return Done{};
    }
    report(diags_, place_of(*pieces.front(), from_), diag::AliasDiffers, info.name, catalogue_[original].name)
        .note(fmt::format("{} of {} cells differ; the first is element {}: {:.6g}, not {:.6g}", differences.count,
                          *cells(info.shape), differences.first, differences.found, differences.expected))
        .help(fmt::format("`{}` has one place for both; to go on with `{}`: `--alias-policy drop`", target,
                          catalogue_[original].name));
    return Done{};
  }

  const Pack& pack_;
  SideId to_;
  SideId from_;
  std::span<const TensorInfo> catalogue_;
  BoxReader boxes_;
  const RunOptions& options_;
  RunReport& report_;
  Diagnostics& diags_;
  std::map<std::string, Pieces, std::less<>> one_sided_;                       // by source tensor
  std::map<std::string, Pieces, std::less<>> copies_;                          // two-way, by target tensor
  std::map<std::string, std::map<std::string, Pieces>, std::less<>> aliases_;  // by target, then source
};

}  // namespace

Status check_source(const Pack& pack, const Graph& graph, std::span<const TensorInfo> catalogue,
                    const ChunkReader& reader, const RunOptions& options, RunReport& report, Diagnostics& diags) {
  return SourceChecks(pack, graph, catalogue, reader, options, report, diags).run();
}

}  // namespace rulec
