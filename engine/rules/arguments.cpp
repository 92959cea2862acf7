// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "grammar/close_names.h"
#include "grammar/messages.h"
#include "grammar/overloaded.h"

namespace rulec {
namespace {

std::string counted(std::size_t count) {
  if (count == 0) return "no arguments";
  return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

std::vector<std::string> names_of(const std::vector<ast::Parameter>& parameters) {
  std::vector<std::string> names;
  for (const ast::Parameter& parameter : parameters) names.push_back(parameter.name.text);
  return names;
}

void report_unknown(const Callee& callee, const ast::Name& name, Diagnostics& diags) {
  const std::vector<std::string> names = names_of(callee.parameters);
  Finding finding = report(diags, name.span, diag::WrongArguments, callee.what, callee.name.text,
                           fmt::format("has no parameter `{}`", name.text));
  if (const auto close = close_names(name.text, names); !close.empty()) {
    finding.label(fmt::format("did you mean `{}`?", fmt::join(close, "` or `")));
  } else {
    finding.note(names.empty() ? "it takes no arguments" : fmt::format("it takes `{}`", fmt::join(names, "`, `")));
  }
  finding.also(callee.definition, "defined here");
}

void report_surplus(const Callee& callee, Span span, std::size_t count, Diagnostics& diags) {
  const std::size_t most = callee.parameters.size();
  report(diags, span, diag::WrongArguments, callee.what, callee.name.text,
         most == 0 ? "takes no arguments"
                   : fmt::format("takes {} {}, not {}", most == 1 ? "only" : "at most", counted(most), count))
      .label(most == 0 ? "" : "this one is too many")
      .also(callee.definition, "defined here");
}

}  // namespace

std::vector<GivenArgument> given(const ast::File& file, const std::vector<ast::Argument>& arguments) {
  std::vector<GivenArgument> result;
  for (const ast::Argument& argument : arguments)
    result.push_back({argument.name ? &*argument.name : nullptr, file[argument.value].span});
  return result;
}

std::vector<GivenArgument> given(const ast::File& file, const std::vector<ast::OpArgument>& arguments) {
  std::vector<GivenArgument> result;
  for (const ast::OpArgument& argument : arguments) {
    const Span span = std::visit([&](auto id) { return file[id].span; }, argument.value);
    result.push_back({argument.name ? &*argument.name : nullptr, span});
  }
  return result;
}

void check_arguments(const Callee& callee, std::span<const GivenArgument> arguments, Diagnostics& diags) {
  const std::vector<ast::Parameter>& parameters = callee.parameters;
  std::vector<const GivenArgument*> bound(parameters.size());
  std::size_t position = 0;
  bool is_surplus = false;
  bool is_unknown = false;
  const GivenArgument* named_before = nullptr;
  for (const GivenArgument& argument : arguments) {
    std::size_t at = position;
    if (!argument.name && named_before != nullptr) {
      report(diags, argument.span, diag::WrongArguments, callee.what, callee.name.text,
             "takes arguments without a name before those with one")
          .also(named_before->name->span, "the first with a name")
          .also(callee.definition, "defined here");
      return;
    }
    if (argument.name && named_before == nullptr) named_before = &argument;
    if (argument.name) {
      const auto named =
          std::ranges::find(parameters, argument.name->text, [](const ast::Parameter& p) { return p.name.text; });
      at = static_cast<std::size_t>(named - parameters.begin());
      if (at == parameters.size()) report_unknown(callee, *argument.name, diags);
      is_unknown |= at == parameters.size();
    } else if (++position > parameters.size()) {
      if (!is_surplus) report_surplus(callee, argument.span, arguments.size(), diags);
      is_surplus = true;
    }
    if (at >= parameters.size()) continue;
    if (bound[at]) {
      report(diags, argument.name ? argument.name->span : argument.span, diag::WrongArguments, callee.what,
             callee.name.text, fmt::format("is given `{}` twice", parameters[at].name.text))
          .also(bound[at]->span, "the first");
    }
    bound[at] = &argument;
  }
  if (is_unknown) return;  // what is missing is most likely misspelt
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!bound[i] && !parameters[i].value) missing.push_back(parameters[i].name.text);
  }
  if (missing.empty()) return;
  report(diags, callee.name.span, diag::WrongArguments, callee.what, callee.name.text,
         fmt::format("is not given `{}`", fmt::join(missing, "`, `")))
      .also(callee.definition, "defined here");
}

void check_count(std::string_view what, const ast::Name& callee, std::span<const GivenArgument> arguments,
                 std::size_t least, std::size_t most, Diagnostics& diags) {
  for (const GivenArgument& argument : arguments) {
    if (!argument.name) continue;
    report(diags, argument.name->span, diag::WrongArguments, what, callee.text, "takes its arguments without names");
    return;
  }
  if (arguments.size() >= least && arguments.size() <= most) return;
  const bool is_open = most == std::numeric_limits<std::size_t>::max();
  const std::string takes = least == most ? counted(most)
                            : is_open     ? fmt::format("{} or more", counted(least))
                                          : fmt::format("{} to {} arguments", least, most);
  report(diags, callee.span, diag::WrongArguments, what, callee.text,
         fmt::format("takes {}, not {}", takes, arguments.size()));
}

}  // namespace rulec
