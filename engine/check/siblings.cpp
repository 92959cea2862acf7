// SPDX-License-Identifier: Apache-2.0
// Rules that look like twins and are not. A missing transpose or a forgotten RoPE order keeps every shape and every
// proof; what it breaks is the likeness to its sibling.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "engine/check/check.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> Twins{
    {{"query", "key"}, {"q_proj", "k_proj"}, {"wi_0", "wi_1"}, {"gate_proj", "up_proj"}}};

/// A family's two shapes with axes numbered as the left meets them: `[0 (1 2)] [(2 1) 0]`, equal for rules that move
/// alike.
std::array<std::string, 2> movement(const Family& family) {
  std::map<std::string, std::size_t, std::less<>> numbers;
  std::array<std::string, 2> result;
  for (const SideId side : BothSides) {
    const std::string& shape = family.shapes[number(side)].front();
    for (std::size_t at = 0; at < shape.size();) {
      const auto is_word = [&](std::size_t i) {
        return shape[i] == '_' || std::isalnum(static_cast<unsigned char>(shape[i])) != 0;
      };
      std::size_t end = at;
      while (end < shape.size() && is_word(end)) ++end;
      if (end == at) {
        result[number(side)] += shape[at++];
        continue;
      }
      const auto [place, is_new] = numbers.try_emplace(shape.substr(at, end - at), numbers.size());
      result[number(side)] += std::to_string(place->second);
      at = end;
    }
  }
  return result;
}

bool has_shapes(const Family& family) {
  return family.terms[0].size() == 1 && family.terms[1].size() == 1 && !family.shapes[0].front().empty() &&
         !family.shapes[1].front().empty() && !family.instances.empty();
}

std::string first_name(const Pack& pack, const Family& family, SideId side) {
  return pack.tensors[number(side)][family.instances.front().tensors[number(side)].front()].name;
}

}  // namespace

void lint_siblings(const Pack& pack, UsedPermissions& used, Diagnostics& diags) {
  std::map<std::string, const Family*> by_name;
  for (const Family& family : pack.families) {
    if (!has_shapes(family)) continue;
    for (const SideId side : BothSides) by_name.emplace(first_name(pack, family, side), &family);
  }
  std::set<std::pair<const Family*, const Family*>> seen;
  for (const auto& [name, family] : by_name) {
    for (const auto& [word, twin] : Twins) {
      const std::size_t at = name.find(word);
      if (at == std::string::npos) continue;
      const auto other = by_name.find(name.substr(0, at) + std::string(twin) + name.substr(at + word.size()));
      if (other == by_name.end() || other->second == family || !seen.emplace(family, other->second).second) continue;
      const auto mine = movement(*family);
      const auto theirs = movement(*other->second);
      if (mine == theirs) continue;
      const bool same_left = mine[0] == theirs[0];
      const auto& kind = same_left ? diag::OrderUnsure : diag::AsymmetricSiblings;
      if (is_allowed(*family, kind.id, kind.name, used) || is_allowed(*other->second, kind.id, kind.name, used))
        continue;
      const Span here = family->terms[1].front().shape.value_or(family->span);
      const Span there = other->second->terms[1].front().shape.value_or(other->second->span);
      report(diags, here, kind, name, other->first)
          .label(fmt::format("{} -> {}", family->shapes[0].front(), family->shapes[1].front()))
          .also(there, fmt::format("{} -> {}", other->second->shapes[0].front(), other->second->shapes[1].front()))
          .note("both orders have the same shapes: no other check can tell a mistake here")
          .help("write both alike, or allow it with a reason");
    }
  }
}

std::vector<SquarePair> square_pairs(const Pack& pack) {
  std::vector<SquarePair> pairs;
  for (const Piece& piece : pack.pieces) {
    if (piece.kind != PieceKind::Copy || piece.instance != 0) continue;
    const Family& family = pack.families[piece.family];
    if (!has_shapes(family)) continue;
    const std::vector<PieceAxis>& axes = pack.forms[piece.form].axes;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      for (std::size_t b = a + 1; b < axes.size(); ++b) {
        if (axes[a].extent != axes[b].extent || axes[a].extent == 1) continue;
        const auto first = static_cast<std::size_t>(axes[a].axis);
        const auto second = static_cast<std::size_t>(axes[b].axis);
        pairs.push_back({family.span, family.axes[first], family.axes[second], axes[a].extent, family.axis_spans[first],
                         family.axis_spans[second]});
      }
    }
  }
  std::ranges::sort(pairs, [](const SquarePair& x, const SquarePair& y) { return x < y; });
  return pairs;
}

}  // namespace rulec
