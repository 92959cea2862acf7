// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/check/coverage.h"
#include "engine/index/tiling.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

/// `layer 3, kind local`: the indices of an instance.
std::string index_text(const Family& family, std::size_t instance) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < family.indices.size(); ++i) {
    const FamilyIndex& index = family.indices[i];
    parts.push_back(fmt::format("{} = {}", index.name, index.text(family.values_of(instance)[i])));
  }
  return parts.empty() ? "once" : fmt::format("for {}", fmt::join(parts, ", "));
}

class SideCoverage {
 public:
  SideCoverage(const Pack& pack, SideId side, UsedPermissions& used, Diagnostics& diags)
      : pack_(pack), side_(side), used_(used), diags_(diags), pieces_(pack, side) {}

  void prove() {
    // Where no shape is known, a tensor is as long as its brackets, and a piece is a whole slice.
    for (std::size_t t = 0; t < pieces_.size(); ++t) {
      if (!pieces_[t].empty()) tensor(t);
    }
    report_overlaps();
    report_holes();
    report_name_gaps(pack_, side_, pieces_, meet_themselves_, used_, diags_);
  }

 private:
  struct Meeting {
    const Tensor* tensor = nullptr;
    const Piece* first = nullptr;
    const Piece* second = nullptr;
    std::vector<std::int64_t> cell;
    std::size_t others = 0;  // tensors in which the same values of the indices meet
  };

  struct MissingCells {
    const Tensor* tensor = nullptr;
    const Piece* piece = nullptr;
    Hole hole;
  };

  void tensor(std::size_t t) {
    const Tensor& tensor = pack_.tensors[number(side_)][t];
    if (cells(tensor.shape) == 0 || is_tiled(t)) return;
    std::vector<const Piece*> pieces;
    std::vector<StridedBox> boxes;
    std::set<StridedBox> pads;  // several rules may say the same padding
    for (const Piece* piece : pieces_[t]) {
      StridedBox box = cells_of(pack_, *piece, side_);
      if (piece->kind == PieceKind::Pad && !pads.insert(box).second) continue;
      pieces.push_back(piece);
      boxes.push_back(std::move(box));
    }
    const std::optional<Cover> cover = judge_cover(tensor.shape, boxes);
    if (!cover) return report_unproved(tensor, *pieces.front());
    if (cover->overlap)
      add_meeting({&tensor, pieces[cover->overlap->first], pieces[cover->overlap->second], cover->overlap->cell, 0});
    if (cover->hole) holes_.push_back({&tensor, pieces.front(), *cover->hole});
  }

  /// Whether pieces of one form fill the tensor as tiles do: what loops make if nothing is wrong.
  bool is_tiled(std::size_t t) {
    const std::span<const Piece* const> pieces = pieces_[t];
    offsets_.clear();
    for (const Piece* piece : pieces) {
      if (piece->form != pieces.front()->form) return false;
      offsets_.push_back(piece->offset[number(side_)]);
    }
    std::vector<Progression::Axis> axes;
    for (const PieceAxis& axis : pack_.forms[pieces.front()->form].axes)
      axes.push_back({axis.extent, axis.stride[number(side_)]});
    return are_tiles(*cells(pack_.tensors[number(side_)][t].shape), std::move(axes), offsets_);
  }

  void report_unproved(const Tensor& tensor, const Piece& piece) {
    report(diags_, path_of(pack_, piece, side_), diag::CoverUnproved, tensor.name)
        .note(
            "its rules step through one dimension in strides that do not divide each other, too often to list them all")
        .help("write its shape alike in every rule, or give each part an axis of its own");
  }

  /// What a rule writes twice it most likely should have written elsewhere: that is said once.
  void report_holes() {
    using Key = std::tuple<Span, std::string>;  // the path in the rules, what is missing
    std::map<Key, std::vector<const MissingCells*>> alike;
    std::vector<Key> order;
    for (const MissingCells& missing : holes_) {
      if (meet_themselves_.contains(missing.piece->family)) continue;
      Key key{path_of(pack_, *missing.piece, side_), hole_text(*missing.tensor, missing.hole)};
      if (!alike.contains(key)) order.push_back(key);
      alike[std::move(key)].push_back(&missing);
    }
    for (const Key& key : order) report_hole(alike.at(key), std::get<1>(key));
  }

  /// A wrong prefix makes every rule below it meet itself: that is said once.
  void add_meeting(Meeting meeting) {
    const auto indices = [&](const Piece& piece) {
      const Family& family = pack_.families[piece.family];
      return index_text(family, piece.instance);
    };
    if (meeting.first->family == meeting.second->family) {
      meet_themselves_.insert(meeting.first->family);
      for (Meeting& known : meetings_) {
        const bool same = known.first->family == known.second->family &&
                          indices(*known.first) == indices(*meeting.first) &&
                          indices(*known.second) == indices(*meeting.second);
        if (same) {
          ++known.others;
          return;
        }
      }
      // Other indices of a rule that was reported add nothing.
      const auto same_rule = [&](const Meeting& known) {
        return known.others > 0 && known.first->family == meeting.first->family;
      };
      if (std::ranges::any_of(meetings_, same_rule)) return;
    }
    meetings_.push_back(std::move(meeting));
  }

  void report_overlaps() {
    std::set<std::pair<std::uint32_t, std::uint32_t>> reported;
    std::set<std::string> prefixes;
    for (const Meeting& m : meetings_) {
      if (!reported.emplace(m.first->family, m.second->family).second) continue;
      const Family& family = pack_.families[m.first->family];
      const bool itself = m.first->family == m.second->family;
      if (itself && m.others > 0 && !prefixes.insert(loop_text(family)).second) continue;
      report_overlap(*m.tensor, *m.first, *m.second, m.cell, m.others);
    }
  }

  /// The loops around a family, as a key.
  static std::string loop_text(const Family& family) {
    std::string text;
    for (const FamilyIndex& index : family.indices)
      text += fmt::format("{}@{}:{} ", index.name, static_cast<std::uint32_t>(index.span.source), index.span.begin);
    return text;
  }

  void report_overlap(const Tensor& tensor, const Piece& first, const Piece& second,
                      const std::vector<std::int64_t>& cell, std::size_t others) {
    const Family& a = pack_.families[first.family];
    const Family& b = pack_.families[second.family];
    const std::string first_text = index_text(a, first.instance);
    const std::string second_text = index_text(b, second.instance);
    const Span here = path_of(pack_, second, side_);
    const Span there = path_of(pack_, first, side_);
    const bool same_path = diags_.sources().text(here) == diags_.sources().text(there);
    if (first.family != second.family && side_ == SideId::Left && same_path) {
      // Both fill the right side from one cell on: they meet there too.
      const bool is_repeated = a.writes(SideId::Right) && b.writes(SideId::Right) && first.tensor[1] >= 0 &&
                               first.tensor[1] == second.tensor[1] && first.offset[1] == second.offset[1];
      if (is_repeated) return;  // the same rule twice: the right side says so
      report(diags_, here, diag::AliasAmbiguous, tensor.name)
          .label("the second source")
          .also(there, "the first")
          .note("left to right both copies are written; right to left only one can be read")
          .help("make the copy one-way: write `=>` for the tied tensor, and the way back reads the other");
      return;
    }
    if (first.family != second.family) {
      report(diags_, here, diag::IndexOverlap, tensor.name)
          .label(fmt::format("writes it again {}", second_text))
          .also(there, fmt::format("writes it {}", first_text))
          .note(fmt::format("the first cell that both write is {}", to_string(Shape(cell))))
          .help("give one of them a guard (`when ...` behind the rule), or correct its path or shape");
      return;
    }
    for (const Span place : {here, a.block ? side_of_block(*a.block, side_, diags_) : here}) {
      const std::string_view path = diags_.sources().text(place);
      if (path.find("><") == std::string_view::npos) continue;
      if (!ambiguous_.insert(place).second) return;  // the rules of a block share it
      report(diags_, place, diag::AmbiguousName, path)
          .label("no separator between the holes")
          .note(fmt::format("{} and {} both print `{}`", first_text, second_text, tensor.name))
          .help(
              "separate the holes, as in `expert_<e>_<k>`; if the checkpoint really has such names, bound one: `when k "
              "< 10`");
      return;
    }
    Finding finding = report(diags_, here, diag::NotInjective, tensor.name);
    finding.label("written twice by this rule")
        .note(fmt::format("{} and {} both write cell {}", first_text, second_text, to_string(Shape(cell))));
    if (others > 0) finding.note(fmt::format("so do {} more tensors of this loop", others));
    finding.help("use every index of the loops in the path, in a bracket or in the shape");
  }

  /// `3 along axis 1`: the axis that tells most of a hole.
  static std::string hole_text(const Tensor& tensor, const Hole& hole) {
    const auto axis =
        std::ranges::find_if(hole.along, [](const IntervalSet& set) { return !set.empty(); }) - hole.along.begin();
    std::size_t best = static_cast<std::size_t>(axis);
    for (std::size_t d = 0; d < hole.along.size(); ++d) {
      const bool whole = hole.along[d].size() == tensor.shape[d];
      if (!hole.along[d].empty() && !whole) best = d;
    }
    return best < hole.along.size() ? fmt::format("{} along axis {}", set_text(hole.along[best]), best)
                                    : fmt::format("cell {}", to_string(Shape(hole.cell)));
  }

  /// Holes that one path of a rule leaves in several tensors, at the same place.
  void report_hole(const std::vector<const MissingCells*>& alike, const std::string& what) {
    const auto& [tensor, piece, hole] = *alike.front();
    Finding finding = report(diags_, path_of(pack_, *piece, side_), diag::IndexHole, what, tensor->name);
    finding.label(fmt::format("the rules make it {}", to_string(tensor->shape)))
        .note(fmt::format("{} of {} cells are missing, the first is {}", hole.cells, cells(tensor->shape).value_or(0),
                          to_string(Shape(hole.cell))));
    if (alike.size() > 1) {
      finding.note(alike.size() == 2 ? fmt::format("`{}` lacks the same", alike[1]->tensor->name)
                                     : fmt::format("{} more tensors lack the same, `{}` first", alike.size() - 1,
                                                   alike[1]->tensor->name));
    }
    finding.help("let a loop or another rule give the missing values, or correct the range");
  }

  const Pack& pack_;
  SideId side_;
  UsedPermissions& used_;
  Diagnostics& diags_;
  WritingPieces pieces_;
  std::vector<std::int64_t> offsets_;  // of the tensor that is looked at
  std::set<Span> ambiguous_;           // paths that were reported
  std::vector<Meeting> meetings_;
  std::set<std::uint32_t> meet_themselves_;  // families
  std::vector<MissingCells> holes_;
};

}  // namespace

WritingPieces::WritingPieces(const Pack& pack, SideId side) : begins_(pack.tensors[number(side)].size() + 1) {
  const auto tensor_of = [&](const Piece& piece) -> std::optional<std::size_t> {
    const std::int32_t tensor = piece.tensor[number(side)];
    if (tensor < 0 || !pack.families[piece.family].writes(side)) return std::nullopt;
    return static_cast<std::size_t>(tensor);
  };
  for (const Piece& piece : pack.pieces) {
    if (const auto tensor = tensor_of(piece)) ++begins_[*tensor + 1];
  }
  std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
  pieces_.resize(begins_.back());
  std::vector<std::size_t> next = begins_;
  for (const Piece& piece : pack.pieces) {
    if (const auto tensor = tensor_of(piece)) pieces_[next[*tensor]++] = &piece;
  }
}

std::string set_text(const IntervalSet& set) {
  std::vector<std::string> parts;
  for (const IntervalSet::Interval& interval : set.intervals()) {
    if (parts.size() == 6) {
      parts.emplace_back("...");
      break;
    }
    parts.push_back(interval.end - interval.begin == 1 ? std::to_string(interval.begin)
                                                       : fmt::format("{} to {}", interval.begin, interval.end - 1));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// The place in the rules where a family names a tensor.
Span path_of(const Pack& pack, const Piece& piece, SideId side) {
  const Family& family = pack.families[piece.family];
  const std::span<const std::uint32_t> tensors = family.tensors_of(piece.instance, side);
  const auto term =
      std::ranges::find(tensors, static_cast<std::uint32_t>(piece.tensor[number(side)])) - tensors.begin();
  return family.terms[number(side)][static_cast<std::size_t>(term)].path;
}

StridedBox cells_of(const Pack& pack, const Piece& piece, SideId side) {
  const Shape& shape = pack.tensors[number(side)][static_cast<std::size_t>(piece.tensor[number(side)])].shape;
  if (cells(shape) == 0) return StridedBox(shape.size(), Progression{0, {{0, 1}}});
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d > 1; --d) strides[d - 2] = strides[d - 1] * shape[d - 1];
  StridedBox box(shape.size());
  for (const PieceAxis& axis : pack.forms[piece.form].axes) {
    if (axis.extent == 1) continue;
    // Every axis lies within one stored dimension: the slowest whose cells are no larger than its step.
    std::size_t d = 0;
    while (d + 1 < shape.size() && (strides[d] > axis.stride[number(side)] || shape[d] == 1)) ++d;
    box[d].axes.push_back({axis.extent, axis.stride[number(side)] / strides[d]});
  }
  std::int64_t rest = piece.offset[number(side)];
  for (std::size_t d = 0; d < shape.size(); ++d) {
    box[d].offset = rest / strides[d];
    rest %= strides[d];
    box[d] = normalised(std::move(box[d]));
  }
  return box;
}

Status prove_coverage(const Pack& pack, UsedPermissions& used, Diagnostics& diags) {
  const std::size_t errors = diags.errors();
  for (const SideId side : BothSides) SideCoverage(pack, side, used, diags).prove();
  if (diags.errors() > errors) return diags.failed();
  return Done{};
}

}  // namespace rulec
