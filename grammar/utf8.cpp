// SPDX-License-Identifier: Apache-2.0
#include "grammar/utf8.h"

#include <tao/pegtl.hpp>

namespace rulec {

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  tao::pegtl::memory_input<tao::pegtl::tracking_mode::lazy, tao::pegtl::eol::lf, std::string_view> in(text, "");
  (void)tao::pegtl::parse<tao::pegtl::star<tao::pegtl::utf8::any>>(in);
  if (in.empty()) return std::nullopt;
  return static_cast<std::size_t>(in.current() - text.data());
}

}  // namespace rulec
