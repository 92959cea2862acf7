// SPDX-License-Identifier: Apache-2.0
#include "engine/file/printable.h"

#include <fmt/core.h>

#include <algorithm>

#include "grammar/render/excerpt.h"

namespace rulec {
namespace {

constexpr std::size_t MaxBytes = 200;

bool continues_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string printable(std::string_view text) {
  if (text.size() <= MaxBytes) return render::printable(text);
  std::size_t head = MaxBytes / 2;
  std::size_t tail = text.size() - MaxBytes / 2;
  for (int i = 0; i < 3 && continues_code_point(text[head]); ++i) --head;
  for (int i = 0; i < 3 && continues_code_point(text[tail]); ++i) ++tail;
  return fmt::format("{}... ({} bytes) ...{}", render::printable(text.substr(0, head)), tail - head,
                     render::printable(text.substr(tail)));
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

}  // namespace rulec
