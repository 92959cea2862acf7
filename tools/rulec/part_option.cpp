// SPDX-License-Identifier: Apache-2.0
#include "tools/rulec/part_option.h"

#include <charconv>
#include <string>
#include <system_error>

#include "tools/rulec/arguments.h"

namespace rulec::cli {
namespace {

/// Nothing if it is no such thing.
std::optional<Part> part_of(const std::string& text) {
  Part part;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, part.number);
  if (number.ec != std::errc() || number.ptr == end || *number.ptr != '/') return std::nullopt;
  const auto of = std::from_chars(number.ptr + 1, end, part.of);
  if (of.ec != std::errc() || of.ptr != end || part.number < 1 || part.number > part.of) return std::nullopt;
  return part;
}

std::string wrong(const std::string& text) {
  return part_of(text) ? "" : "expected K/N with K from 1 to N, such as 1/4, found " + text;
}

}  // namespace

void add_part_option(CLI::App& app, std::optional<Part>& into) {
  app.add_option_function<std::string>(
         "--part", [&into](const std::string& text) { into = part_of(text); },
         "Do one of N shares; each is a process of its own, and the last completes DST")
      ->type_name("K/N")
      ->check(unlisted(CLI::Validator(wrong, "")));
}

}  // namespace rulec::cli
