// SPDX-License-Identifier: Apache-2.0
// Tensors that no rule maps, reported where the rule for them would stand.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_set>

#include "engine/check/check.h"
#include "engine/file/printable.h"
#include "engine/tensor/name_numbers.h"
#include "engine/tensor/name_sets.h"
#include "grammar/close_names.h"
#include "grammar/messages.h"

namespace rulec {
namespace {

constexpr std::size_t MostGlobs = 4;

/// How many segments two names begin with in common.
std::size_t common_segments(std::string_view a, std::string_view b) {
  std::size_t segments = 0;
  for (std::size_t at = 0; at < std::min(a.size(), b.size()) && a[at] == b[at]; ++at) segments += a[at] == '.';
  return segments;
}

/// The numbers of a name as stars.
std::string starred(std::string_view name) {
  return with_numbers_as('*', name, [](std::size_t) { return true; });
}

/// The first segments of a name.
std::string_view first_segments(std::string_view name, std::size_t count) {
  std::size_t end = 0;
  while (count-- > 0) end = name.find('.', end) + 1;
  return name.substr(0, end == 0 ? 0 : end - 1);
}

/// The mapped tensor that has most segments with `name` in common: names with one beginning lie side by side.
const Tensor* neighbour(const std::vector<Tensor>& tensors, const std::string& name) {
  const auto after = std::ranges::lower_bound(tensors, name, {}, &Tensor::name);
  const Tensor* best = nullptr;
  std::size_t most = 0;
  const auto look = [&](const Tensor& tensor) {
    const std::size_t common = common_segments(tensor.name, name);
    if (common > most) best = &tensor;
    most = std::max(most, common);
  };
  if (after != tensors.begin()) look(*std::prev(after));
  if (after != tensors.end()) look(*after);
  return best;
}

/// A glob for a name and those like it that matches nothing that is mapped: `**.q_norm.weight` where that will do.
std::string glob_for(const std::vector<Tensor>& tensors, const std::string& name, std::size_t count) {
  if (count == 1) return name;
  const std::string all = starred(name);
  const auto is_free = [&](const std::string& glob) {
    return std::ranges::none_of(tensors, [&](const Tensor& tensor) { return glob_matches(glob, tensor.name); });
  };
  std::size_t dot = all.rfind('.');
  while (dot != std::string::npos && dot > 0) {
    dot = all.rfind('.', dot - 1);
    if (dot == std::string::npos || all[dot + 1] == '*') break;
    const std::string glob = "**" + all.substr(dot);
    if (is_free(glob)) return glob;
  }
  return is_free(all) ? all : name;
}

/// A name with stars for the numbers that count something.
std::string kind_of(std::string_view name) {
  return with_numbers_as('*', name, [&](std::size_t begin) { return starts_number(name, begin); });
}

/// The term of a family that names a tensor first.
const TermPlace& term_of(const Family& family, std::ptrdiff_t tensor, SideId side) {
  for (std::size_t i = 0; i < family.instances(); ++i) {
    const std::span<const std::uint32_t> tensors = family.tensors_of(i, side);
    const auto found = std::ranges::find(tensors, static_cast<std::uint32_t>(tensor));
    if (found != tensors.end()) return family.terms[number(side)][static_cast<std::size_t>(found - tensors.begin())];
  }
  return family.terms[number(side)].front();
}

/// Where the rule would stand: the block whose rules map the tensors beside it.
Finding report_place(const Pack& pack, SideId side, const std::string& name, std::string_view where,
                     const std::string& count, std::string_view verb, Diagnostics& diags) {
  const FilePlace file{std::string(where), std::nullopt};
  const std::string& side_name = pack.rules->sides[number(side)];
  const Tensor* beside = neighbour(pack.tensors[number(side)], name);
  if (beside == nullptr) return report(diags, file, diag::UnmappedSource, count, side_name, verb);
  const Family& family = pack.families[beside->family];
  const Span place = family.block ? side_of_block(*family.block, side, diags)
                                  : term_of(family, beside - pack.tensors[number(side)].data(), side).path;
  Finding finding = report(diags, place, diag::UnmappedSource, count, side_name, verb);
  finding
      .label(fmt::format("{} the other tensors of `{}`", family.block ? "this block maps" : "the rules here map",
                         starred(first_segments(name, common_segments(beside->name, name)))))
      .also(file, {});
  return finding;
}

}  // namespace

Span side_of_block(Span block, SideId side, const Diagnostics& diags) {
  const std::string_view text = diags.sources().text(block);
  bool is_quoted = false;
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    is_quoted ^= text[at] == '"';
    if (is_quoted || text.substr(at, 2) != "->") continue;
    const std::size_t end = text.find_last_not_of(' ', at == 0 ? 0 : at - 1) + 1;
    const std::size_t begin = std::min(text.find_first_not_of(" \n", at + 2), text.size());
    return side == SideId::Left ? Span{block.source, block.begin, block.begin + static_cast<std::uint32_t>(end)}
                                : Span{block.source, block.begin + static_cast<std::uint32_t>(begin), block.end};
  }
  return block;
}

std::vector<TensorInfo> unmapped_tensors(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue) {
  std::vector<TensorInfo> unmapped;
  const std::vector<std::optional<std::size_t>> places = pack.find_all(side, catalogue);
  for (std::size_t i = 0; i < catalogue.size(); ++i) {
    if (!places[i] && !pack.ignores(side, catalogue[i].name)) unmapped.push_back(catalogue[i]);
  }
  return unmapped;
}

Status check_unmapped(const Pack& pack, SideId side, std::span<const TensorInfo> catalogue, std::string_view where,
                      Diagnostics& diags) {
  const std::vector<TensorInfo> unmapped = unmapped_tensors(pack, side, catalogue);
  if (unmapped.empty()) return Done{};
  std::vector<std::string> names;
  for (const TensorInfo& info : unmapped) names.push_back(info.name);
  const bool is_one = names.size() == 1;
  Finding finding =
      report_place(pack, side, names.front(), where, is_one ? "1 tensor" : fmt::format("{} tensors", names.size()),
                   is_one ? "is" : "are", diags);
  const std::vector<NameGroup> groups = group_names(names);
  std::unordered_set<std::string> mapped;
  for (const Tensor& tensor : pack.tensors[number(side)]) mapped.insert(kind_of(tensor.name));
  std::vector<std::string> globs;
  std::optional<std::string> known_kind;
  for (const NameGroup& group : groups) {
    const std::string kind = kind_of(names[group.first]);
    if (mapped.contains(kind)) {
      if (!known_kind) known_kind = printable(kind);
      continue;
    }
    std::string glob = printable(glob_for(pack.tensors[number(side)], names[group.first], group.count));
    if (globs.size() < MostGlobs && std::ranges::find(globs, glob) == globs.end()) globs.push_back(std::move(glob));
  }
  for (std::size_t g = 0; g < std::min(groups.size(), MostGroups); ++g) {
    const TensorInfo& info = unmapped[groups[g].first];
    finding.note(fmt::format("{}  {} {}{}", printable(groups[g].text), name(info.dtype), to_string(info.shape),
                             groups[g].count > 1 ? fmt::format("  ({} tensors)", groups[g].count) : ""));
  }
  if (groups.size() > MostGroups)
    finding.note(
        fmt::format("and {} more {}", groups.size() - MostGroups, groups.size() == MostGroups + 1 ? "kind" : "kinds"));
  std::vector<std::string> known;
  for (const Tensor& tensor : pack.tensors[number(side)]) {
    if (!find_tensor(catalogue, tensor.name)) known.push_back(tensor.name);
  }
  if (const auto close = close_names(names.front(), known, 2); !close.empty())
    finding.help(fmt::format("these names are close: `{}`", fmt::join(close, "`, `")));
  if (known_kind) {
    finding.help(
        fmt::format("other tensors `{}` are mapped: a loop or a condition leaves these out, or the config is "
                    "that of a smaller model",
                    *known_kind));
  }
  if (!globs.empty())
    finding.help(fmt::format("map them, or state that they are not wanted: `ignore {} : {}`",
                             pack.rules->sides[number(side)], fmt::join(globs, ", ")));
  return finding;
}

}  // namespace rulec
