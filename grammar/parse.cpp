// SPDX-License-Identifier: Apache-2.0
#include "grammar/parse.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/messages.h"
#include "grammar/tree.h"

namespace rulec {
namespace {

/// The first byte that is no UTF-8.
std::optional<std::uint32_t> find_invalid(std::string_view text) {
  tao::pegtl::memory_input<tao::pegtl::tracking_mode::lazy, tao::pegtl::eol::lf, std::string_view> in(text, "");
  (void)tao::pegtl::parse<tao::pegtl::star<tao::pegtl::utf8::any>>(in);
  if (in.empty()) return std::nullopt;
  return grammar::offset(in);
}

void report_all(const grammar::Reading& reading, SourceId source, Diagnostics& diags) {
  for (const grammar::SyntaxError& error : reading.errors) {
    const Span span{source, error.begin, error.end};
    if (error.is_too_deep) {
      report(diags, span, diag::TooDeep, grammar::MaxDepth);
      continue;
    }
    Finding finding = report(diags, span, diag::Syntax, error.expected).label(error.label);
    if (error.open != grammar::Node::None) finding.also(Span{source, error.open, error.open + 1}, "opened here");
  }
}

/// Puts what was filed behind the first `count` diagnostics into the order of the text.
void sort_behind(std::size_t count, Diagnostics& diags) {
  std::vector<Diagnostic> filed(diags.all().begin() + static_cast<std::ptrdiff_t>(count), diags.all().end());
  std::vector<std::pair<std::uint32_t, std::size_t>> order;
  for (const Diagnostic& one : filed) order.emplace_back(std::get<Span>(one.primary.place).begin, order.size());
  std::ranges::sort(order);
  diags.truncate(count);
  for (const auto& [begin, index] : order) diags.add(std::move(filed[index]));
}

}  // namespace

Result<ast::File> parse(SourceId source, Diagnostics& diags) {
  const std::size_t errors_before = diags.errors();
  const std::size_t filed_before = diags.all().size();
  const std::string_view text = diags.sources()[source].text();
  if (const auto invalid = find_invalid(text))
    return report(diags, Span{source, *invalid, *invalid + 1}, diag::NotUtf8);

  grammar::Reading reading(text);
  tao::pegtl::memory_input<tao::pegtl::tracking_mode::lazy, tao::pegtl::eol::lf, std::string_view> in(text, "");
  try {
    (void)tao::pegtl::parse<grammar::file, tao::pegtl::nothing, grammar::control>(in, reading);
  } catch (const grammar::TooDeep& deep) {
    report_all(reading, source, diags);
    return report(diags, Span{source, deep.at, deep.at + 1}, diag::TooDeep, grammar::MaxDepth);
  }
  report_all(reading, source, diags);
  ast::File file = grammar::build_tree(reading.nodes, source, diags);
  if (diags.errors() == errors_before) return file;
  sort_behind(filed_before, diags);
  return diags.failed();
}

}  // namespace rulec
