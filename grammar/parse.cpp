// SPDX-License-Identifier: Apache-2.0
#include "grammar/parse.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "grammar/grammar.h"
#include "grammar/messages.h"
#include "grammar/source_order.h"
#include "grammar/tree.h"
#include "grammar/utf8.h"

namespace rulec {
namespace {

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

}  // namespace

Result<ast::File> parse(SourceId source, Diagnostics& diags) {
  const std::size_t errors_before = diags.errors();
  const std::size_t filed_before = diags.all().size();
  const std::string_view text = diags.sources()[source].text();
  if (const auto invalid = find_invalid_utf8(text)) {
    const auto at = static_cast<std::uint32_t>(*invalid);
    return report(diags, Span{source, at, at + 1}, diag::NotUtf8);
  }

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
  sort_by_place(diags, filed_before);
  return diags.failed();
}

}  // namespace rulec
