// SPDX-License-Identifier: Apache-2.0
// What the parts of the proof of coverage share.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/check/check.h"

namespace rulec {

/// The place in the rules where a family names the tensor of a piece.
Span path_of(const Pack& pack, const Piece& piece, SideId side);

/// `0, 2 to 4, 7`, the first six runs.
std::string set_text(const IntervalSet& set);

/// The pieces that write the tensors of a side, by number of the tensor. Borrowed from the pack.
class WritingPieces {
 public:
  WritingPieces(const Pack& pack, SideId side);

  std::size_t size() const { return begins_.size() - 1; }  ///< tensors
  std::span<const Piece* const> operator[](std::size_t tensor) const {
    return std::span(pieces_).subspan(begins_[tensor], begins_[tensor + 1] - begins_[tensor]);
  }

 private:
  std::vector<std::size_t> begins_;  // of each tensor's pieces, and the end
  std::vector<const Piece*> pieces_;
};

/// Names that a loop prints with a number left out: `<2i>` without `<2i + 1>`. A gap lies between two numbers that one
/// rule prints; other rules may fill it, and one that a `when` made or that is allowed is none. `pieces` are those of
/// `side`. Families of `met` meet themselves, which was said. Errors: R0402.
void report_name_gaps(const Pack& pack, SideId side, const WritingPieces& pieces, const std::set<std::uint32_t>& met,
                      UsedPermissions& used, Diagnostics& diags);

}  // namespace rulec
