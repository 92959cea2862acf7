// SPDX-License-Identifier: Apache-2.0
// Rules that look like twins and are not. A missing transpose or a forgotten RoPE order keeps every shape and every
// proof; what it breaks is the likeness to its sibling.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/check/check.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> Twins{
    {{"query", "key"}, {"q_proj", "k_proj"}, {"wi_0", "wi_1"}, {"gate_proj", "up_proj"}}};

bool is_word(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// `[D (N H)]` as `[`, `D`, ` (`, `N`, ` `, `H`, `)]`.
std::vector<std::string> parts_of(std::string_view shape) {
  std::vector<std::string> parts;
  for (const char c : shape) {
    if (parts.empty() || is_word(parts.back().back()) != is_word(c)) parts.emplace_back();
    parts.back() += c;
  }
  return parts;
}

std::vector<std::string> words_of(std::string_view shape) {
  std::vector<std::string> words = parts_of(shape);
  std::erase_if(words, [](const std::string& part) { return !is_word(part.front()); });
  return words;
}

/// A shape without the indices of loops: `[(p K H) D]` as `[(K H) D]`. What is stacked moves as it does by itself.
std::string without_indices(std::string_view shape, const std::vector<FamilyIndex>& indices) {
  std::string text;
  for (const std::string& part : parts_of(shape)) {
    if (std::ranges::count(indices, part, &FamilyIndex::name) == 0)
      text += !text.empty() && (text.back() == '(' || text.back() == '[' || text.back() == ' ') && part.front() == ' '
                  ? part.substr(1)
                  : part;
  }
  return text;
}

/// A family's two shapes with axes numbered as the left meets them: `[0 (1 2)] [(2 1) 0]`, equal for rules that move
/// alike.
std::array<std::string, 2> movement(const Family& family) {
  std::map<std::string, std::size_t, std::less<>> numbers;
  std::array<std::string, 2> result;
  for (const SideId side : BothSides) {
    for (const std::string& part : parts_of(without_indices(family.shapes[number(side)].front(), family.indices))) {
      const bool is_axis = is_word(part.front());
      result[number(side)] += is_axis ? std::to_string(numbers.try_emplace(part, numbers.size()).first->second) : part;
    }
  }
  return result;
}

/// `gate_proj.weight` of `model.layers.0.mlp.gate_proj.weight`.
std::string last_segments(const std::string& name) {
  const std::size_t last = name.rfind('.');
  const std::size_t before = last == 0 || last == std::string::npos ? std::string::npos : name.rfind('.', last - 1);
  return before == std::string::npos ? name : name.substr(before + 1);
}

/// What families scale alike: `(1 + w)` in every norm.
constexpr std::string_view Scaled = "norm";

bool pairs_shapes(const Family& family) {
  return family.terms[0].size() == 1 && family.terms[1].size() == 1 && !family.shapes[0].front().empty() &&
         !family.shapes[1].front().empty() && family.instances() > 0;
}

std::string first_name(const Pack& pack, const Family& family, SideId side) {
  return pack.tensors[number(side)][family.tensors_of(0, side).front()].name;
}

/// The words of a shape that the other shape has too, in order: what moves, without the indices of loops.
std::vector<std::string> shared_axes(std::string_view shape, std::string_view other_shape) {
  const std::vector<std::string> others = words_of(other_shape);
  std::vector<std::string> axes = words_of(shape);
  std::erase_if(axes, [&](const std::string& axis) { return std::ranges::find(others, axis) == others.end(); });
  return axes;
}

/// Whether the two axes of a kernel change places; nothing if it has not just two that both sides share.
std::optional<bool> is_transposed(const Family& family) {
  const std::vector<std::string> left = shared_axes(family.shapes[0].front(), family.shapes[1].front());
  const std::vector<std::string> right = shared_axes(family.shapes[1].front(), family.shapes[0].front());
  if (left.size() != 2 || right.size() != 2 || left[0] == left[1]) return std::nullopt;
  return left != right;
}

/// Kernels whose names end alike: `gate_proj.weight` of the layers and of the experts.
void lint_transposed(const Pack& pack, UsedPermissions& used, Diagnostics& diags) {
  std::map<std::string, std::map<bool, const Family*>> by_ending;
  for (const Family& family : pack.families) {
    if (!pairs_shapes(family)) continue;
    const std::optional<bool> transposed = is_transposed(family);
    if (!transposed || is_allowed(family, diag::TransposedSibling.id, diag::TransposedSibling.name, used)) continue;
    by_ending[last_segments(first_name(pack, family, SideId::Right))].emplace(*transposed, &family);
  }
  for (const auto& [ending, families] : by_ending) {
    if (families.size() < 2) continue;
    const Family& here = *families.at(true);
    const Family& there = *families.at(false);
    report(diags, here.terms[1].front().path, diag::TransposedSibling, first_name(pack, here, SideId::Right),
           first_name(pack, there, SideId::Right))
        .label(fmt::format("{} -> {}", here.shapes[0].front(), here.shapes[1].front()))
        .also(there.terms[1].front().path, fmt::format("{} -> {}", there.shapes[0].front(), there.shapes[1].front()));
  }
}

/// The hooks of a rule as written; empty if there are none.
std::string_view hooks_of(const Family& family, const Diagnostics& diags) {
  const Span hooks = family.terms[1].front().hooks;
  return hooks.begin == hooks.end ? std::string_view() : diags.sources().text(hooks);
}

/// A norm of no hooks, where most norms have the same.
void lint_missing_scale(const Pack& pack, UsedPermissions& used, Diagnostics& diags) {
  std::vector<const Family*> plain;
  std::map<std::string_view, std::vector<const Family*>> scaled;  // by their hooks
  std::size_t count = 0;
  for (const Family& family : pack.families) {
    const bool is_single = family.terms[0].size() == 1 && family.terms[1].size() == 1 && family.instances() > 0;
    if (!is_single || last_segments(first_name(pack, family, SideId::Right)).find(Scaled) == std::string::npos)
      continue;
    ++count;
    const std::string_view hooks = hooks_of(family, diags);
    (hooks.empty() ? plain : scaled[hooks]).push_back(&family);
  }
  for (const auto& [hooks, families] : scaled) {
    if (families.size() * 2 <= count) continue;
    for (const Family* family : plain) {
      if (is_allowed(*family, diag::ScaleMissing.id, diag::ScaleMissing.name, used)) continue;
      report(diags, family->terms[1].front().path, diag::ScaleMissing, first_name(pack, *family, SideId::Right),
             first_name(pack, *families.front(), SideId::Right), hooks)
          .also(families.front()->terms[1].front().hooks, "here")
          .help("add it, or allow it with a reason");
    }
  }
}

}  // namespace

void lint_siblings(const Pack& pack, UsedPermissions& used, Diagnostics& diags) {
  lint_transposed(pack, used, diags);
  lint_missing_scale(pack, used, diags);
  std::map<std::string, const Family*> by_name;
  for (const Family& family : pack.families) {
    if (!pairs_shapes(family)) continue;
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

}  // namespace rulec
