// SPDX-License-Identifier: Apache-2.0
#include "engine/pack/mismatch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "grammar/messages.h"

namespace rulec {
namespace {

using axes::Monomial;
using axes::MonomialRef;

std::string_view side_word(SideId side) {
  return side == SideId::Left ? "left" : "right";
}

Span place_of(const Family& family, SideId side, MonomialRef ref) {
  const TermPlace& term = family.terms[number(side)][ref.term];
  return term.shape.value_or(term.path);
}

std::string monomial_text(const Family& family, const Monomial& m) {
  if (m.axes.empty()) return "1";
  std::vector<std::string> names;
  for (const axes::AxisStride& axis : m.axes) names.push_back(family.axes[static_cast<std::size_t>(axis.axis)]);
  return fmt::format("{}", fmt::join(names, "*"));
}

/// Two products, one on each side, that differ in an axis: the likeliest mistake has the clearest words.
bool report_lost_axis(const Family& family, const Pairing& pairing, const axes::Mismatch& mismatch,
                      Diagnostics& diags) {
  if (mismatch.only[0].size() != 1 || mismatch.only[1].size() != 1) return false;
  for (const SideId side : BothSides) {
    const MonomialRef here = mismatch.only[number(side)].front();
    const MonomialRef there = mismatch.only[number(other(side))].front();
    const Monomial& mine = pairing.monomial(side, here);
    const Monomial& theirs = pairing.monomial(other(side), there);
    for (const axes::AxisStride& axis : mine.axes) {
      if (std::ranges::find(theirs.axes, axis.axis, &axes::AxisStride::axis) != theirs.axes.end()) continue;
      const std::string& name = family.axes[static_cast<std::size_t>(axis.axis)];
      report(diags, axis_span(place_of(family, side, here), name, diags), diag::AxisLost, name, side_word(side))
          .label(fmt::format("of size {}; {} elements here", axis.extent, monomial_text(family, mine)))
          .also(place_of(family, other(side), there), fmt::format("{} elements", monomial_text(family, theirs)))
          .note("a rule must use every axis once on each side, or elements would be dropped or invented")
          .help("heads are usually fused with their size, as in `[(N H) D]`");
      return true;
    }
  }
  return false;
}

}  // namespace

void report_mismatch(const Family& family, const Pairing& pairing, const axes::Mismatch& mismatch, Diagnostics& diags) {
  if (report_lost_axis(family, pairing, mismatch, diags)) return;
  for (const SideId side : BothSides) {
    for (const MonomialRef ref : mismatch.only[number(side)]) {
      report(diags, place_of(family, side, ref), diag::PieceMissing, monomial_text(family, pairing.monomial(side, ref)),
             fmt::format("on the {} only", side_word(side)))
          .note("distributed, both shapes must be sums of the same products of axes");
    }
    for (const auto& [first, second] : mismatch.twice[number(side)]) {
      Finding finding = report(diags, place_of(family, side, second), diag::PieceMissing,
                               monomial_text(family, pairing.monomial(side, second)),
                               fmt::format("twice on the {}", side_word(side)));
      if (second.term != first.term) finding.also(place_of(family, side, first), "the first time");
      finding.note("nothing would tell which of the two is which: a side holds each product of axes once")
          .help("axes of equal size need names of their own: name the second with a `let`");
    }
  }
}

void report_one_way(const Family& family, const HookPipelines& hooks, Diagnostics& diags) {
  const std::string_view hook = diags.sources().text(hooks.one_way->name.span);
  report(diags, family.arrow_span, diag::ReverseMissing, hook)
      .label("promises both directions")
      .also(hooks.one_way->span, hooks.operands.empty() ? "cannot be undone" : "takes a tensor, declares no `reverse`")
      .help(hooks.operands.empty() ? "state that it runs one way only: write `=>`"
                                   : "state that it only runs right to left: write `<=`")
      .help(fmt::format("or say how to go back: give `{}` a `reverse`", hook));
}

Span axis_span(Span shape, std::string_view axis, const Diagnostics& diags) {
  const std::string_view text = diags.sources().text(shape);
  const auto is_word = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = text.find(axis); at != std::string_view::npos; at = text.find(axis, at + 1)) {
    const bool starts = at == 0 || !is_word(text[at - 1]);
    const std::size_t end = at + axis.size();
    if (starts && (end == text.size() || !is_word(text[end]))) {
      return {shape.source, shape.begin + static_cast<std::uint32_t>(at),
              shape.begin + static_cast<std::uint32_t>(end)};
    }
  }
  return shape;
}

}  // namespace rulec
