// SPDX-License-Identifier: Apache-2.0
// Rules that are bijections only of tensors that hold what they should: what a side has and the other has not.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "engine/check/check.h"

namespace rulec {
namespace {

std::size_t tensor_of(const Piece& piece, SideId side) {
  return static_cast<std::size_t>(piece.tensor[number(side)]);
}

std::ranges::subrange<std::vector<Piece>::const_iterator> pieces_of(const Pack& pack, std::size_t family) {
  return std::ranges::equal_range(pack.pieces, static_cast<std::uint32_t>(family), {}, &Piece::family);
}

/// Whether other rules write, towards `to`, every tensor that this rule's copies have there: what this rule is written
/// from on the way back then does not come from the cells that the trip started with.
bool is_copy_of_others(const Pack& pack, std::size_t family, SideId to) {
  std::set<std::size_t> open;
  for (const Piece& piece : pieces_of(pack, family)) {
    if (piece.kind == PieceKind::Copy) open.insert(tensor_of(piece, to));
  }
  if (open.empty()) return false;
  for (const Piece& piece : pack.pieces) {
    if (piece.tensor[number(to)] >= 0 && pack.families[piece.family].writes(to)) open.erase(tensor_of(piece, to));
  }
  return open.empty();
}

}  // namespace

Quotient quotient(const Pack& pack, std::size_t family, SideId start) {
  Quotient result;
  const Family& rule = pack.families[family];
  if (!rule.writes(start)) return result;
  for (const Piece& piece : pieces_of(pack, family)) {
    if (piece.tensor[number(start)] < 0) continue;
    result.padding |= piece.kind == PieceKind::Pad;
    result.constant |= piece.kind == PieceKind::Constant;
  }
  result.alias = !rule.writes(other(start)) && is_copy_of_others(pack, family, other(start));
  return result;
}

std::string describe(const RoundTrip& trip, const Quotient& cells) {
  if (cells == Quotient{}) return describe(trip);
  std::vector<std::string_view> words;
  // The rule of an alias is not read: what it loses says nothing, its cells come back from elsewhere.
  const std::string numbers = describe(trip);
  if (!cells.alias && numbers != "exact") words.emplace_back(numbers);
  if (cells.padding) words.emplace_back("up-to-padding");
  if (cells.constant) words.emplace_back("up-to-constant");
  if (cells.alias) words.emplace_back("up-to-alias");
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace rulec
